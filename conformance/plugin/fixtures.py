"""What checks are given. All of session scope: hypothesis shares them, and connections are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.connections import authorities
from conformance.clients.transport.rate_limiter import Pace
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.evidence.shared_requests import Once
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.strategies.properties import BEFORE_EXAMPLES
from conformance.target.description import Target


class KEYS:
    """Where a process keeps what its checks share."""

    target = pytest.StashKey[Target]()
    begun = pytest.StashKey[float]()
    open = pytest.StashKey[frozenset[str]]()
    names = pytest.StashKey[Names]()
    pace = pytest.StashKey[Pace]()
    ledger = pytest.StashKey[Ledger]()
    leftovers = pytest.StashKey[list[dict[str, str]]]()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The deployment under test."""
    described: Target = request.config.stash[KEYS.target]
    return described


@pytest.fixture(scope="session")
def begun(request: pytest.FixtureRequest) -> float:
    """When this process began to check, by the monotonic clock: all that the preflight sent was before."""
    moment: float = request.config.stash[KEYS.begun]
    return moment


@pytest.fixture(scope="session")
def open_surfaces(request: pytest.FixtureRequest) -> frozenset[str]:
    """Those that ask nobody for a login, as the preflight has found."""
    found: frozenset[str] = request.config.stash[KEYS.open]
    return found


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """The recorder of this process."""
    return RECORDER


@pytest.fixture(scope="session")
def once() -> Once:
    """Makes requests that several checks look at."""
    return Once(RECORDER)


@pytest.fixture(scope="session")
def names(request: pytest.FixtureRequest) -> Names:
    """Names of this worker's own."""
    made: Names = request.config.stash[KEYS.names]
    return made


@pytest.fixture(scope="session")
def http(request: pytest.FixtureRequest, target: Target) -> Iterator[Callable[[str], HttpClient]]:
    """The HTTP client for a base URL; one each, with the run's limits, pace and trusted authorities."""
    clients: dict[str, HttpClient] = {}
    pace: Pace = request.config.stash[KEYS.pace]
    tls = authorities(target.ca_file) if target.ca_file else None

    def client(base_url: str) -> HttpClient:
        if base_url not in clients:
            limits = Limits(connect_s=target.limits.connect, answer_s=target.limits.answer)
            clients[base_url] = HttpClient(base_url, RECORDER, limits, pace, tls=tls)
        return clients[base_url]

    yield client
    for each in clients.values():
        each.close()


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest, http: Callable[[str], HttpClient]) -> Iterator[Ledger]:
    """Where a check notes what it created; everything is removed at the end of the session."""
    kept = request.config.stash[KEYS.ledger]
    # Where evidence is judged again, nothing is removed, nor recorded of it.
    between = [kept.begin_example] if RECORDER.recording is None else []
    BEFORE_EXAMPLES.extend(between)
    yield kept
    BEFORE_EXAMPLES[:] = [each for each in BEFORE_EXAMPLES if each not in between]
    request.config.stash[KEYS.leftovers].extend(kept.clean_up())
