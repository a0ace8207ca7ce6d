"""Change a part of the reference's responses before they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import Reference, build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application, CutOff, Receive, Scope, Send, read_body, received
from tests.chaos.replies import End, Reply, Step
from tests.chaos.servers import Server
from tests.run.support import in_a_thread

ISSUED = re.compile(rb'token": "[^".]+\.[^".]+\.([\w-]{40,})"')
LINGER_NOT = struct.pack("ii", 1, 0)


class Changing(Application):
    """One surface whose answers are changed on their way."""

    def __init__(self, application: Application, server: Server) -> None:
        super().__init__(application.alterations.surface)
        self.name = application.alterations.surface.name
        self.server = server

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the reference does, or otherwise."""
        waiting = received(scope, b"")
        if (chance := self.server.chosen(self.name)) is None:
            await super()._serve(scope, receive, send)
            return
        wire = Wire(send)
        if self.server.early(chance, waiting):
            reply = Reply.of(waiting, Answer.json(chance.choice((200, 201, 400, 401, 413, 503)), {"error": "early"}))
            await wire.play([reply.wire(), chance.choice((End.CLOSE, End.RESET))])
            return
        try:
            request = received(scope, await read_body(receive))
        except CutOff as broken:
            await self.alterations.surface.broken_off(received(scope, broken.body))
            return
        answer = await self._answer(request)
        answer.headers.setdefault("date", "Thu, 26 Nov 2026 12:00:00 GMT")
        reply = Reply.of(request, answer)
        steps = self.server.steps(chance, reply)
        await wire.play([reply.wire()] if steps is None else steps, keep=steps is None and not reply.closes)

    async def _answer(self, request: Request) -> Answer:
        answer = await super()._answer(request)
        self.server.signatures.update(each.decode() for each in ISSUED.findall(answer.body))
        return answer


class Wire:
    """The connection under an answer of the server's."""

    def __init__(self, send: Send) -> None:
        self.cycle: Any = send.__self__  # type: ignore[attr-defined]

    async def play(self, steps: Iterable[Step], keep: bool = False) -> None:
        """Send the steps of a reply. ``keep``: the connection is good for another request."""
        for step in steps:
            if self.cycle.disconnected or self.cycle.transport.is_closing():
                break
            if isinstance(step, bytes):
                self.cycle.transport.write(step)
                if self.cycle.flow.write_paused:
                    await self.cycle.flow.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step is End.RESET:
                with contextlib.suppress(OSError):
                    linger = self.cycle.transport.get_extra_info("socket")
                    linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                self.cycle.transport.abort()
            elif step is End.HANG:
                await self._gone()
        self._done(keep)

    async def _gone(self) -> None:
        for _ in range(600):
            if self.cycle.disconnected:
                return
            await asyncio.sleep(0.1)

    def _done(self, keep: bool) -> None:
        self.cycle.response_started = self.cycle.response_complete = True
        self.cycle.message_event.set()
        if not (keep and self.cycle.keep_alive):
            self.cycle.transport.close()
        self.cycle.on_response()


@contextlib.contextmanager
def serving(server: Server, folder: Path) -> Iterator[TargetFile]:
    """Serve a reference behind a hostile server; its target file is in the folder."""
    # A response under way at the end of a run is no news.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    deployment: Reference = build()
    deployment.applications = {name: Changing(each, server) for name, each in deployment.applications.items()}
    with in_a_thread(deployment):
        file = TargetFile(deployment, folder / "conformance.toml")
        file.write()
        deployment.webhook_moved = file.webhook_moved
        limits = f"leeway = 0\nanswer = {server.answer_s}\nconnect = 2\n"
        file.path.write_text(file.path.read_text(encoding="utf-8").replace("leeway = 0\n", limits), encoding="utf-8")
        yield file
