"""Serving of the reference's surfaces, one loopback port each, in one process and one event loop.

A fifth port is the operator's: it activates defects and variants, revokes and restores credentials, rotates the webhook
and resets all state. ``control`` is its command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, cast

import uvicorn
from starlette.datastructures import Headers

from conformance.reference.alteration import Alteration, Alterations
from conformance.reference.http import Answer, Request
from conformance.reference.surface import Surface

log = logging.getLogger("conformance.reference")
HIGHEST_BODY = 128 * 1024 * 1024
MOST_FAILURES = 20
PART = 256 * 1024
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class CutOff(Exception):
    """The client disconnected before the end of the body, or the body is too large; ``body`` is the received part."""

    def __init__(self, body: bytes = b"") -> None:
        super().__init__()
        self.body = body


async def read_body(receive: Receive) -> bytes:
    """Return the whole body; raises CutOff."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CutOff(b"".join(parts))
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > HIGHEST_BODY:
            raise CutOff
        if not message.get("more_body"):
            return b"".join(parts)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a response; add Date if it is not set, and Content-Length if the body is not framed.

    Statuses without content get no Content-Length.
    """
    if answer.wire or answer.closes:
        await _put_on_the_wire(send, answer)
        return
    headers = answer.headers
    headers.setdefault("date", formatdate(usegmt=True))
    framed = "content-length" in headers or "transfer-encoding" in headers
    if not framed and answer.status >= 200 and answer.status not in (204, 304):
        headers["content-length"] = str(len(answer.body))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers.raw})
    if answer.astray:
        # uvicorn would not send it, so write it to the transport behind its ``send``.
        cast(Any, send).__self__.transport.write(answer.astray)
    # In parts, so that a slow reader does not block other connections.
    for start in range(0, len(answer.body), PART) or (0,):
        more = start + PART < len(answer.body)
        await send({"type": "http.response.body", "body": answer.body[start : start + PART], "more_body": more})


async def _put_on_the_wire(send: Send, answer: Answer) -> None:
    """Write the raw response to the transport behind uvicorn's ``send``, and mark the response as complete."""
    cycle = cast(Any, send).__self__
    if cycle.disconnected:
        return
    cycle.transport.write(answer.wire)
    await cycle.flow.drain()
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if answer.closes or not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def received(scope: Scope, body: bytes) -> Request:
    """Return the request of an ASGI scope."""
    return Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        query_string=scope["query_string"].decode("latin-1"),
        headers=Headers(raw=scope["headers"]),
        body=body,
        scheme=scope["scheme"],
    )


class Application:
    """One surface as an ASGI application, with its alterations.

    ``failures`` are tracebacks of unintended exceptions: they show that a defect crashed, which checks would notice by
    its 500, instead of breaking its promise.
    """

    def __init__(self, surface: Surface) -> None:
        self.alterations = Alterations(surface)
        self.captured: list[Request] | None = None
        self.failures: deque[str] = deque(maxlen=MOST_FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._serve(scope, receive, send)
        except Exception:
            self._remember(f"{scope['method']} {scope['path']}")
            raise

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_head = received(scope, b"")
        expects_continue = request_head.headers.get("expect", "").lower() == "100-continue"
        if expects_continue or self.alterations.impatient:
            refusal = await self.alterations.surface.refused_early(request_head)
            if refusal is not None:
                await send_answer(send, refusal)
                return
        await self.alterations.surface.under_way(request_head)
        try:
            request = received(scope, await read_body(receive))
        except CutOff as broken:
            await self.alterations.surface.broken_off(received(scope, broken.body))
            return
        if self.captured is not None:
            self.captured.append(request)
        await send_answer(send, await self._answer(request))

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self.alterations.answer(request)
        except Exception as failure:
            if not self.alterations.is_intended(failure):
                log.exception("%s %s", request.method, request.raw_path)
                self._remember(f"{request.method} {request.raw_path}")
            return Answer.json(500, {"error": "internal"})

    def _remember(self, requested: str) -> None:
        self.failures.append(f"{requested}\n{traceback.format_exc()}")


@dataclass
class Deployment:
    """The running reference: its surfaces by name, and their addresses."""

    surfaces: dict[str, Surface]
    alterations: dict[str, type[Alteration]]
    applications: dict[str, Application] = field(init=False)
    urls: dict[str, str] = field(default_factory=dict)
    webhook_moved: Callable[[], None] = lambda: None
    control_key: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def __post_init__(self) -> None:
        self.applications = {name: Application(surface) for name, surface in self.surfaces.items()}

    def switch(self, names: Iterable[str]) -> None:
        """Activate exactly these defects and variants; KeyError names an unknown one."""
        chosen = [self.alterations[name] for name in names]
        for name, application in self.applications.items():
            application.alterations.activate(each for each in chosen if each.surface == name)

    def capture(self) -> None:
        """Store every request from now on, for measurements."""
        for application in self.applications.values():
            application.captured = []

    def reset(self) -> None:
        """Reset all state, without alterations."""
        self.switch([])
        for surface in self.surfaces.values():
            surface.reset()
        self.webhook_moved()


def listening_socket(port: int) -> socket.socket:
    """Return a loopback socket bound to the port (0: any free one); OSError if it is in use."""
    # asyncio sets TCP_NODELAY only if the protocol is named; else every response waits 40 ms for a delayed ACK.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


class QuietServer(uvicorn.Server):
    """A uvicorn server that does not handle signals, since one process runs several servers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def http_server(application: Any) -> QuietServer:
    """Return an HTTP server for an application, without access log and Server header, with 75 s keep-alive."""
    config = uvicorn.Config(
        application,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_keep_alive=75,
        proxy_headers=False,
        ws="none",
    )
    return QuietServer(config)


class Running:
    """The servers of a deployment: ``start`` binds and serves, ``stop`` ends them."""

    def __init__(self, deployment: Deployment, base_port: int = 0) -> None:
        from conformance.reference.control import Control

        self.deployment = deployment
        applications: dict[str, Any] = {**deployment.applications, "control": Control(deployment)}
        self.sockets: dict[str, socket.socket] = {}
        for offset, name in enumerate(applications):
            self.sockets[name] = listening_socket(base_port + offset if base_port else 0)
            deployment.urls[name] = f"http://127.0.0.1:{self.sockets[name].getsockname()[1]}"
        self.servers = {name: http_server(application) for name, application in applications.items()}
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the servers and return when every port accepts connections."""
        for name, server in self.servers.items():
            self.tasks.append(asyncio.create_task(server.serve(sockets=[self.sockets[name]])))
        while not all(server.started for server in self.servers.values()):
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop the servers and close open connections."""
        for server in self.servers.values():
            server.should_exit = True
            server.force_exit = True
        await asyncio.gather(*self.tasks, return_exceptions=True)
