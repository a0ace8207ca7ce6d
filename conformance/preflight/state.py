"""The result of the preflight of one surface, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from conformance.target.description import Secret
from conformance.vocabulary.exchange import Exchange

OK, WARN, FAIL = "ok", "warn", "fail"
OBSERVED, NOT_OBSERVED, NOT_OBSERVABLE = "observed", "not observed", "not observable without harm"


@dataclass
class SurfaceState:
    """One surface before the run.

    ``lines`` are (ok | warn | fail, text); fail: something that the target file declares does not work.
    ``cause``: why the surface is not reachable.
    ``locked``: why the main login or writing fails, so that nothing can be judged; ``mend``: what would help.
    ``alike``: two requests that must be answered differently and are not, so that responses show nothing.
    ``refused``: for each other role whose login fails, the cause and what would help.
    ``open``: the surface requires no login.
    ``round_trip_s``, ``shortest_trip_s``: median and minimum of five requests; load affects the minimum least.
    ``clock_skew_s``: how far the target's clock is ahead of ours.
    ``credentials``: per role "ok" or why it does not work; ``features``: per feature whether it was observed.
    """

    surface: str
    url: str = ""
    reachable: bool = True
    lines: list[tuple[str, str]] = field(default_factory=list)
    cause: str = ""
    locked: str = ""
    mend: str = ""
    alike: str = ""
    refused: dict[str, list[str]] = field(default_factory=dict)
    open: bool = False
    round_trip_s: float | None = None
    shortest_trip_s: float | None = None
    clock_skew_s: float | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)

    def ok(self, text: str) -> None:
        """Note something correct."""
        self.lines.append((OK, text))

    def warn(self, text: str) -> None:
        """Note a problem that does not prevent a run."""
        self.lines.append((WARN, text))

    def fail(self, text: str) -> None:
        """Note something declared that does not work."""
        self.lines.append((FAIL, text))

    def unreachable(self, cause: str) -> None:
        """Note that the surface is not reachable."""
        self.reachable = False
        self.cause = cause
        self.fail(cause)

    @property
    def shut(self) -> bool:
        """Whether the surface responds, but refuses the login or all writes."""
        return self.reachable and bool(self.locked)

    @property
    def blocked(self) -> tuple[str, str] | None:
        """Why nothing of the surface can be judged, and what would help; None if it can."""
        if not self.reachable:
            return self.cause, "a surface that answers; see conformance preflight"
        needs = self.mend or "a surface that lets the login do its work; see conformance preflight"
        return (self.locked, needs) if self.locked else None

    def compare(self, one: Exchange, other: Exchange, what: str) -> None:
        """Note that two requests, which ``what`` names, succeed alike although their responses must differ."""
        if one.ok and (one.status, one.body) == (other.status, other.body):
            body = f"the same {len(one.body):,} bytes" if one.body else "no body"
            self.alike = (
                f"the {self.surface} service answers {one.status} with {body} to {what}: it distinguishes nothing"
            )
            self.fail(self.alike)

    def role(self, role: str, state: str) -> None:
        """Note the state of a role: "ok", or why it cannot be used."""
        self.credentials[role] = state
        if state != "ok":
            self.fail(f"{role}: {state}")

    def refuse(self, role: str, cause: str, needs: str) -> None:
        """Note that the target refuses a role's login, so that its checks need not try."""
        self.refused[role] = [cause, needs]

    def feature(self, name: str, observation: str, claimed: list[str]) -> None:
        """Note whether a feature was observed, and compare that with the claimed features."""
        self.features[name] = observation
        if name in claimed and observation == NOT_OBSERVED:
            self.fail(f"{name} is claimed and not observed")
        elif name not in claimed and observation == OBSERVED:
            self.warn(f"{name} is observed and not claimed: nothing of it is checked")

    @property
    def failing(self) -> bool:
        """Whether something declared does not work."""
        return any(kind == FAIL for kind, _ in self.lines)

    def plain(self) -> dict[str, Any]:
        """Return the state as JSON data."""
        data = asdict(self)
        data["lines"] = [list(line) for line in self.lines]
        return data


def mending(place: str, *secrets: Secret) -> str:
    """Say where a refused login is in the target file, with the names of its secrets, never their values."""
    where = " and ".join(each.file or f"${each.name}" for each in secrets)
    return f"the right secret in {where} for [targets.X.{place}]"
