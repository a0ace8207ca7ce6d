"""Change a part of the reference's responses before they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.reference.configuration import TargetFile
from conformance.reference.deployment import Reference, build
from conformance.reference.http import Answer, Request
from conformance.reference.server import Application, CutOff, Receive, Scope, Send, read_body, received
from tests.chaos import bodies, framing, heads  # noqa: F401  # they fill the table
from tests.chaos.replies import MUTATIONS, End, Reply, Step
from tests.run.support import in_a_thread

# What takes its time comes less often, or a run would do nothing else than wait.
SLOW = ("drips", "silent", "endless", "cut", "status", "interim", "compressed")
NAMED = re.compile(r"[0-9a-f]{8,}|[A-Za-z0-9_-]{20,}|\d+|(?<=-)[a-z0-9]+")
ISSUED = re.compile(rb'token": "[^".]+\.[^".]+\.([\w-]{40,})"')
LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass
class Plan:
    """Which answers are changed, and how.

    ``share`` of them, after the first ``grace`` of each surface. ``only`` matches the method and path of a request,
    ``names`` are the mutations to choose from, ``answer_s`` is the target file's limit for a response, ``signatures``
    are those of the issued tokens.
    """

    seed: int
    share: float = 0.05
    grace: int = 0
    only: str = ""
    names: tuple[str, ...] = ()
    early: float = 0.01
    answer_s: float = 1.5
    log: list[dict[str, Any]] = field(default_factory=list)
    routes: Counter[str] = field(default_factory=Counter)
    surfaces: Counter[str] = field(default_factory=Counter)
    signatures: set[str] = field(default_factory=set)

    def chosen(self, surface: str, request: Request) -> random.Random | None:
        """The random source of this response's change; None if the response stays as it is."""
        route = f"{surface} {request.method} {NAMED.sub('*', request.raw_path)}"
        self.routes[route] += 1
        self.surfaces[surface] += 1
        if self.surfaces[surface] <= self.grace or not re.search(self.only, f"{request.method} {request.raw_path}"):
            return None
        chance = random.Random(f"{self.seed} {route} {self.routes[route]}")
        return chance if chance.random() < self.share else None

    def mutate(self, chance: random.Random, surface: str, reply: Reply) -> Iterable[Step] | None:
        """Changes a reply by one mutation, sometimes by two."""
        steps = None
        for _ in range(2 if chance.random() < 0.15 else 1):
            names = sorted(self.names or MUTATIONS)
            name = chance.choice(names)
            if name in SLOW and not self.names and chance.random() < 0.8:
                name = chance.choice([each for each in names if each not in SLOW])
            request = reply.request
            self.log.append({"surface": surface, "request": f"{request.method} {request.raw_path}", "mutation": name})
            steps = MUTATIONS[name](chance, reply)
            if steps is not None:
                break
        return steps


class Changing(Application):
    """One surface whose answers are changed on their way."""

    def __init__(self, application: Application, plan: Plan) -> None:
        super().__init__(application.alterations.surface)
        self.name = application.alterations.surface.name
        self.plan = plan

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the reference does, or otherwise."""
        waiting = received(scope, b"")
        if (chance := self.plan.chosen(self.name, waiting)) is None:
            await super()._serve(scope, receive, send)
            return
        wire = Wire(send)
        if chance.random() < self.plan.early and waiting.method in ("POST", "PUT", "PATCH"):
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
        steps = self.plan.mutate(chance, self.name, reply)
        await wire.play([reply.wire()] if steps is None else steps, keep=steps is None and not reply.closes)

    async def _answer(self, request: Request) -> Answer:
        answer = await super()._answer(request)
        self.plan.signatures.update(each.decode() for each in ISSUED.findall(answer.body))
        return answer


class Wire:
    """The connection under an answer of the server's."""

    def __init__(self, send: Send) -> None:
        self.cycle: Any = send.__self__  # type: ignore[attr-defined]

    async def play(self, steps: Iterable[Step], keep: bool = False) -> None:
        """Does what a mutation says. ``keep``: the connection is good for another request."""
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
def serving(plan: Plan, folder: Path) -> Iterator[TargetFile]:
    """Serve a reference under a plan; its target file is in the folder."""
    deployment: Reference = build()
    deployment.applications = {name: Changing(each, plan) for name, each in deployment.applications.items()}
    with in_a_thread(deployment):
        file = TargetFile(deployment, folder / "conformance.toml")
        file.write()
        deployment.webhook_moved = file.webhook_moved
        limits = f"leeway = 0\nanswer = {plan.answer_s}\nconnect = 2\n"
        file.path.write_text(file.path.read_text(encoding="utf-8").replace("leeway = 0\n", limits), encoding="utf-8")
        yield file
