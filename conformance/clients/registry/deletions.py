"""Waits for deletions that a registry accepts with 202 and completes later.

RFC 9110 section 15.3.3: "accepted for processing, but the processing has not been completed". A read of the deleted
content is repeated for up to ten seconds, and later requests wait until it is gone. For a registry that deletes at once
this costs at most one read of each kind. 200 and 204 mean that the deletion is complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import STILL_THERE, Exchange

ACCEPTED = 202
WAITS_S = (0.2, 0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0)
PLACE = re.compile(r"(?P<repository>/v2/.+/)(?P<kind>manifests|blobs)/(?P<reference>[^/?]+)")
WRITES = ("POST", "PUT", "PATCH")
AT_ONCE, LATER, STAYED, NEVER = "at once", "later", "one stayed", "never"
"""When deletions of a kind are complete. One that stayed proves nothing about others: an accepted request "might be
disallowed when processing actually takes place" (RFC 9110 section 15.3.3), such as for an image that an index lists."""

Ask = Callable[[], Exchange]


@dataclass(frozen=True)
class Deletion:
    """An accepted deletion at a path: its repository, its kind, and a read by the role that deleted."""

    path: str
    repository: str
    kind: str
    read: Ask

    def concerns(self, path: str) -> bool:
        """Return whether a request to a path is about the same repository, or mounts from it."""
        name = self.repository.removeprefix("/v2/").rstrip("/")
        return path.startswith(self.repository) or f"from={name}" in path.partition("?")[2].split("&")


@dataclass
class Deletions:
    """Accepted deletions that may not be complete, and when deletions complete, by kind."""

    accepted: dict[str, Deletion] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)

    def respected(self, method: str, path: str, recorder: Recorder, ask: Ask, read: Ask) -> Exchange:
        """Send a request with ``ask`` after earlier deletions are complete; ``read`` reads its path."""
        if method != "DELETE":
            self._settle(method, path, recorder)
        reply = self._awaited(path, recorder, ask)
        if method == "DELETE" and reply.status == ACCEPTED and (match := PLACE.fullmatch(path)):
            kind = "tags" if match["kind"] == "manifests" and ":" not in match["reference"] else match["kind"]
            self.accepted[path] = Deletion(path, match["repository"], kind, read)
        return reply

    def _settle(self, method: str, path: str, recorder: Recorder) -> None:
        """Wait for deletions that may be incomplete; a write supersedes them."""
        writes = method in WRITES
        # A copy, since other threads may delete concurrently.
        for each in [each for each in list(self.accepted.values()) if each.concerns(path)]:
            if (writes or each.path != path) and self.done.get(each.kind) not in (AT_ONCE, NEVER):
                self._awaited(each.path, recorder, each.read)
            if writes:
                self.accepted.pop(each.path, None)

    def _awaited(self, path: str, recorder: Recorder, ask: Ask) -> Exchange:
        """Repeat a request until its content is gone; return the last response."""
        deletion, reply, waited = self.accepted.get(path), ask(), False
        if deletion is None:
            return reply
        known = self.done.get(deletion.kind)
        for wait_s in WAITS_S if known != NEVER else ():
            if reply.status >= 400:
                break
            waited = True
            recorder.pause(wait_s, reply.id)
            reply = ask()
        self.accepted.pop(path, None)
        if reply.status >= 400:
            self.done[deletion.kind] = LATER if waited else known or AT_ONCE
            return reply
        self.done[deletion.kind] = {None: STAYED, AT_ONCE: STAYED, LATER: LATER}.get(known, NEVER)
        recorder.event(STILL_THERE)
        return reply
