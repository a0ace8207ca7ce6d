"""Deletions that a registry accepts and does a little later: by 202, which is the answer to every one of them.

RFC 9110 section 15.3.3: "accepted for processing, but the processing has not been completed". Registries in use hand a
deletion to a worker. So who reads what was deleted asks again, until it is gone or for ten seconds; and what comes
after is sent when it is gone. A registry that is at once done is asked for nothing more, but for one read of each kind
where nobody else has read what was deleted. 200 and 204 say that it is done.
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
"""When deletions of a kind are done. That one stayed says nothing of others yet: what was accepted "might be disallowed
when processing actually takes place" (RFC 9110 section 15.3.3), as of an image that an index lists."""

Ask = Callable[[], Exchange]


@dataclass(frozen=True)
class Deletion:
    """What was deleted at a path: of which kind, from which repository, and how it is read by who deleted it."""

    path: str
    repository: str
    kind: str
    read: Ask

    def concerns(self, path: str) -> bool:
        """Whether a request to a path is about the same repository, or mounts from it."""
        name = self.repository.removeprefix("/v2/").rstrip("/")
        return path.startswith(self.repository) or f"from={name}" in path.partition("?")[2].split("&")


@dataclass
class Deletions:
    """What a registry has accepted to delete and nobody has seen to be gone; and when it does so, by kind."""

    accepted: dict[str, Deletion] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)

    def heeded(self, method: str, path: str, recorder: Recorder, ask: Ask, read: Ask) -> Exchange:
        """The answer to a request: when what was deleted before is gone, as far as it soon is.

        ``ask`` sends it, and ``read`` reads what is at its path.
        """
        if method != "DELETE":
            self._settle(method, path, recorder)
        reply = self._awaited(path, recorder, ask)
        if method == "DELETE" and reply.status == ACCEPTED and (match := PLACE.fullmatch(path)):
            kind = "tags" if match["kind"] == "manifests" and ":" not in match["reference"] else match["kind"]
            self.accepted[path] = Deletion(path, match["repository"], kind, read)
        return reply

    def _settle(self, method: str, path: str, recorder: Recorder) -> None:
        """Waits for what is not known to be done at once; who writes begins anew."""
        writes = method in WRITES
        # A copy, since others may delete at the same time.
        for each in [each for each in list(self.accepted.values()) if each.concerns(path)]:
            if (writes or each.path != path) and self.done.get(each.kind) not in (AT_ONCE, NEVER):
                self._awaited(each.path, recorder, each.read)
            if writes:
                self.accepted.pop(each.path, None)

    def _awaited(self, path: str, recorder: Recorder, ask: Ask) -> Exchange:
        """The answer of what is there no more; the last one, where it stays."""
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
