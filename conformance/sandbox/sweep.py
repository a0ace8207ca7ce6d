"""Removal of what earlier runs left, found in the target's lists and in the ledgers of killed runs.

Only names that a run of this suite made are removed, and only in places that the target file names: repositories that
begin with its own, its buckets and its resources.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.request_budget import RequestBudget
from conformance.evidence.recorder import Recorder
from conformance.evidence.secrets import learn_secrets
from conformance.sandbox.names import begun, run_of
from conformance.sandbox.sweep_identity import sweep_identity
from conformance.sandbox.sweep_registry import sweep_registry
from conformance.sandbox.sweep_storage import sweep_storage
from conformance.sandbox.swept import Removal, Swept
from conformance.target.description import Target, parse_rate
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

Entry = dict[str, Any]


@dataclass
class Sweep:
    """One sweep of a target. ``selects`` says whether a run's leftovers are removed; ``dry``: nothing is removed."""

    target: Target
    selects: Callable[[str], bool]
    dry: bool
    authorities: Any = None
    recorder: Recorder = field(default_factory=lambda: Recorder(prefix="sweep"))

    def __post_init__(self) -> None:
        learn_secrets(self.recorder.redactor, self.target)

    def everything(self, entries: Iterable[Entry]) -> Iterator[Swept]:
        """Sweep every surface and yield what was found; ``entries`` are ledger lines."""
        entries = list(entries)
        removal = Removal(lambda name: (run := run_of(name)) is not None and self.selects(run), self.dry)
        surfaces = {"registry": sweep_registry, "storage": sweep_storage, "identity": sweep_identity}
        for name, sweep in surfaces.items():
            described = getattr(self.target, name)
            if described is None:
                continue
            http = self._client(described.endpoint if name == "storage" else described.url)
            try:
                for swept in sweep(http, self.target, removal, entries):
                    self.recorder.begin()
                    yield swept
            except (Inconclusive, NonConformance, NotApplicable) as cause:
                yield Swept(f"{name}: what is left there", "stays", self.recorder.redactor.text(str(cause)), True)
            finally:
                http.close()

    def _client(self, url: str) -> HttpClient:
        limits = Limits(connect_s=self.target.limits.connect, answer_s=self.target.limits.answer)
        requests, seconds = parse_rate(self.target.rate) if self.target.rate else (0, 1.0)
        return HttpClient(
            url, self.recorder, limits, RequestBudget(requests / seconds), tls=self.authorities, label="sweep"
        )


def older_than(seconds: float) -> Callable[[str], bool]:
    """Return a filter for runs that began longer ago."""
    return lambda run: time.time() - begun(run) >= seconds


def of_run(run_id: str) -> Callable[[str], bool]:
    """Return a filter for one run."""
    return lambda run: run == run_id
