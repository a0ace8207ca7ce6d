"""Fixtures of checks. All have session scope: Hypothesis requires it, and connections are reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conformance.clients.http import HttpClient, Limits
from conformance.clients.transport.connections import authorities
from conformance.clients.transport.request_budget import RequestBudget
from conformance.evidence.recorder import RECORDER, Recorder
from conformance.evidence.shared_requests import Once
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.strategies.properties import BEFORE_EXAMPLES
from conformance.target.description import Target


class KEYS:
    """Keys of pytest's stash for the data that a process's checks share."""

    target = pytest.StashKey[Target]()
    begun = pytest.StashKey[float]()
    open = pytest.StashKey[frozenset[str]]()
    names = pytest.StashKey[Names]()
    budget = pytest.StashKey[RequestBudget]()
    ledger = pytest.StashKey[Ledger]()
    leftovers = pytest.StashKey[list[dict[str, str]]]()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The deployment under test."""
    described: Target = request.config.stash[KEYS.target]
    return described


@pytest.fixture(scope="session")
def begun(request: pytest.FixtureRequest) -> float:
    """When this process began to check, by the monotonic clock; the preflight was before."""
    moment: float = request.config.stash[KEYS.begun]
    return moment


@pytest.fixture(scope="session")
def open_surfaces(request: pytest.FixtureRequest) -> frozenset[str]:
    """Surfaces that require no login, by the preflight."""
    found: frozenset[str] = request.config.stash[KEYS.open]
    return found


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """The recorder of this process."""
    return RECORDER


@pytest.fixture(scope="session")
def once() -> Once:
    """Makes requests whose responses several checks share."""
    return Once(RECORDER)


@pytest.fixture(scope="session")
def names(request: pytest.FixtureRequest) -> Names:
    """The names of this worker."""
    worker_names: Names = request.config.stash[KEYS.names]
    return worker_names


@pytest.fixture(scope="session")
def http(request: pytest.FixtureRequest, target: Target) -> Iterator[Callable[[str], HttpClient]]:
    """The HTTP client for a base URL, with the run's limits, budget and trusted authorities."""
    clients: dict[str, HttpClient] = {}
    budget: RequestBudget = request.config.stash[KEYS.budget]
    tls = authorities(target.ca_file) if target.ca_file else None

    def client(base_url: str) -> HttpClient:
        if base_url not in clients:
            limits = Limits(connect_s=target.limits.connect, answer_s=target.limits.answer)
            clients[base_url] = HttpClient(base_url, RECORDER, limits, budget, tls=tls)
        return clients[base_url]

    yield client
    for each in clients.values():
        each.close()


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest, http: Callable[[str], HttpClient]) -> Iterator[Ledger]:
    """The ledger for created resources, which are removed at the end of the session."""
    ledger = request.config.stash[KEYS.ledger]
    # A rejudged run removes nothing.
    callbacks = [ledger.begin_example] if RECORDER.recording is None else []
    BEFORE_EXAMPLES.extend(callbacks)
    yield ledger
    BEFORE_EXAMPLES[:] = [each for each in BEFORE_EXAMPLES if each not in callbacks]
    request.config.stash[KEYS.leftovers].extend(ledger.clean_up())
