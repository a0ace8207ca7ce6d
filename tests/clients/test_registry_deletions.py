"""What is deleted later than it is accepted is awaited where it is still there, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.deletions import WAITS_S, Deletions
from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import STILL_THERE, Exchange, Headers

TAG, DIGEST, BLOB = (f"/v2/orgs/acme/app/{each}" for each in ("manifests/v1", "manifests/sha256:a", "blobs/sha256:b"))
LIST, ELSEWHERE = "/v2/orgs/acme/app/tags/list", "/v2/orgs/acme/app-too/tags/list"
MOUNT = "/v2/orgs/acme/app-too/blobs/uploads/?mount=sha256:b&from=orgs/acme/app"


class Scene:
    """A registry that has one thing, which is there for so many reads after its deletion."""

    def __init__(self, reads: int, accepted: int = 202) -> None:
        self.left, self.accepted = reads, accepted
        self.asked: list[str] = []
        self.recorder = Recorder()
        self.deletions = Deletions()

    def send(self, method: str, path: str) -> int:
        read = self._answer("GET", path)
        return self.deletions.heeded(method, path, self.recorder, self._answer(method, path), read).status

    def _answer(self, method: str, path: str) -> Callable[[], Exchange]:
        def ask() -> Exchange:
            self.asked.append(f"{method} {path}")
            return Exchange("1", method, path, Headers(), b"", self._status(method, path), Headers(), b"", 0.0, 0.0)

        return ask

    def _status(self, method: str, path: str) -> int:
        if method == "DELETE" and self.asked.count(f"DELETE {path}") == 1:
            return self.accepted
        if method in ("POST", "PUT") or path.endswith("list"):
            return 200
        self.left -= 1
        return (200 if method == "GET" else self.accepted) if self.left >= 0 else 404


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.mark.parametrize("path", [TAG, DIGEST, BLOB])
@pytest.mark.parametrize("again", ["GET", "HEAD", "DELETE"])
def test_who_reads_or_deletes_again_is_answered_when_it_is_gone(path: str, again: str) -> None:
    scene = Scene(2)
    assert scene.send("DELETE", path) == 202
    assert scene.send(again, path) == 404


def test_what_is_at_once_gone_costs_nothing(slept: list[float]) -> None:
    scene = Scene(0)
    for method, path in (("DELETE", TAG), ("GET", TAG), ("GET", LIST), ("DELETE", TAG), ("GET", LIST), ("PUT", TAG)):
        scene.send(method, path)
    assert [each.split()[0] for each in scene.asked] == ["DELETE", "GET", "GET", "DELETE", "GET", "PUT"]
    assert slept == []


@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("PUT", TAG), ("POST", MOUNT)])
def test_what_comes_after_is_sent_when_it_is_gone(method: str, path: str) -> None:
    scene = Scene(1)
    scene.send("DELETE", BLOB)
    scene.send(method, path)
    assert scene.asked == [f"DELETE {BLOB}", f"GET {BLOB}", f"GET {BLOB}", f"{method} {path}"]


@pytest.mark.parametrize("accepted", [200, 204, 403])
def test_no_other_answer_is_waited_for(slept: list[float], accepted: int) -> None:
    scene = Scene(3, accepted)
    scene.send("DELETE", TAG)
    assert scene.send("GET", TAG) == 200
    assert slept == []


def test_what_stays_is_told_and_waited_for_twice(slept: list[float]) -> None:
    scene = Scene(1000)
    for _ in range(3):
        scene.send("DELETE", TAG)
        assert scene.send("GET", TAG) == 200
    assert slept == [*WAITS_S, *WAITS_S]
    assert scene.recorder.events[STILL_THERE] == 3
