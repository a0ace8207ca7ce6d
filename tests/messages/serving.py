"""``python -m tests.messages.serving WORDS…``: the reference, with one change of messages that a file names.

Where it names none, nothing is changed, and the parts of each message are written down in a file beside it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from conformance.reference.http import Answer, Request
from conformance.reference.service import main
from tests.messages.changes import ANSWER, EARLIER, LAST, MISSING, READ, REQUEST, TOLD, Change, Part
from tests.messages.parts import asked, reread, retold, told
from tests.messages.routes import route

FOLDER = "CHANGED_MESSAGES"
PLAN, LOG, ACTED = "plan.json", "log.ndjson", "acted"
SHOWN = 200


class ChangedMessages(Defect):
    """One part of the messages of one route is wrong in one way, whichever a file says."""

    def __init__(self) -> None:
        self.folder = Path(os.environ[FOLDER])
        plan = json.loads((self.folder / PLAN).read_text(encoding="utf-8"))
        self.fine: bool = plan["fine"]
        self.change = Change(**plan["change"]) if plan["change"] else None
        self.part = Part.of(self.change.part) if self.change else Part("", "")
        self.value: str | None = None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """The answer, changed; or written down."""
        asked_of = getattr(request, "sent", request)
        if self.change is None:
            self._write_down(asked_of, answer)
        elif self._is_meant(ANSWER, asked_of, answer.status):
            before = answer.status, answer.body, answer.headers.items()
            answer = retold(answer, self.part, self.change.way, self._put)
            self._acted(before != (answer.status, answer.body, answer.headers.items()))
        return answer

    async def handle(self, original: Any, request: Request) -> Answer:
        """The surface's answer to the request as it is read."""
        if not self._is_meant(REQUEST, request, 0) or self.part.kind == "element":
            return await original(request)  # type: ignore[no-any-return]
        read = reread(request, self.part, self.change.way if self.change else "", self._put)
        self._acted(read != request)
        # Signatures and tokens are verified of what was sent.
        object.__setattr__(read, "sent", request)
        return await original(read)  # type: ignore[no-any-return]

    def _is_meant(self, side: str, request: Request, status: int) -> bool:
        change = self.change
        if change is None or (change.side, change.status) != (side, status):
            return False
        return change.route == route(self.surface, request, self.fine)

    def _put(self, value: str) -> str | None:
        way = (self.change.way if self.change else "").removesuffix(LAST)
        if way == MISSING:
            return None
        if way == EARLIER:
            self.value = value if self.value is None else self.value
            return self.value
        table = TOLD if self.change and self.change.side == ANSWER else READ
        return table[way](value) if way in table else TOLD["altered"](value)

    def _acted(self, did: bool) -> None:
        if did:
            (self.folder / ACTED).touch()

    def _write_down(self, request: Request, answer: Answer) -> None:
        entry = {
            "route": route(self.surface, request, self.fine), "status": answer.status,
            "asked": [[part, value[:SHOWN]] for part, value in asked(request)],
            "told": [
                [part, value[:SHOWN]]
                for part, value in told(answer)
                if request.method != "HEAD" or part.startswith("field ")
            ],
        }  # fmt: skip
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")


class ChangedIdentity(ChangedMessages):
    """Those of tokens and APIs."""

    surface = "identity"


class ChangedRegistry(ChangedMessages):
    """The registry's."""

    surface = "registry"


class ChangedWebhooks(ChangedMessages):
    """Those of webhooks."""

    surface = "webhooks"


class ChangedStorage(ChangedMessages):
    """The gateway's, whose signatures and hashes are of what was sent."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Any:
        """Who signed what was sent."""
        return original(getattr(request, "sent", request))

    def read_payload(self, original: Any, call: Any) -> None:
        """The payload, changed when its hashes have been verified."""
        original(call)
        if self.part.kind == "element" and self._is_meant(REQUEST, call.request, 0) and self.change:
            read = reread(Request("POST", "", "", call.headers, call.body), self.part, self.change.way, self._put)
            self._acted(read.body != call.body)
            call.body = read.body


CHANGED: dict[str, type[ChangedMessages]] = {
    each.surface: each for each in (ChangedIdentity, ChangedRegistry, ChangedStorage, ChangedWebhooks)
}


def write_plan(folder: Path, change: Change | None, fine: bool) -> None:
    """What is changed from the next switch on; None: nothing, messages are written down."""
    plan = {"change": asdict(change) if change else None, "fine": fine}
    (folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    (folder / ACTED).unlink(missing_ok=True)


if __name__ == "__main__":
    alterations().update({each.kebab_name(): each for each in CHANGED.values()})
    sys.exit(main())
