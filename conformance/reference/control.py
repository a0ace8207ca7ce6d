"""The operator's interface of the reference: an HTTP application, and the command that the hooks call.

    python -m conformance.reference.control URL revoke NAME         a client id, a registry username or an access key
    python -m conformance.reference.control URL restore NAME
    python -m conformance.reference.control URL promote CLIENT_ID   its role in the organization permits changes
    python -m conformance.reference.control URL demote CLIENT_ID    and is Viewer
    python -m conformance.reference.control URL rotate-webhook      prints the new URL
    python -m conformance.reference.control URL events              prints the events that the webhook accepted, as JSON
    python -m conformance.reference.control URL switch [NAME ...]   activates these defects and variants
    python -m conformance.reference.control URL state               prints what each surface stores, as JSON
    python -m conformance.reference.control URL reset
    python -m conformance.reference.control URL capture             stores every request from now on
    python -m conformance.reference.control URL captured            prints them as JSON, and stops storing them
    python -m conformance.reference.control URL idle                prints alterations without an effect so far, as JSON
    python -m conformance.reference.control URL failures            prints the reference's own tracebacks as JSON, once

The path of URL is the operator's key (calls without it return 404); ``file:PATH`` reads URL from a file, so that the
key is not in the process list.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.reference.http import Answer
    from conformance.reference.server import Deployment, Receive, Scope, Send


class Control:
    """The operator's application: POST /KEY with a JSON list of the command and its arguments."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from conformance.reference.server import read_body, send_answer

        body = await read_body(receive)
        if scope["path"] != f"/{self.deployment.control_key}":
            await send_answer(send, self._text_answer(404, "no such page"))
            return
        try:
            command, *arguments = json.loads(body)
            answer = self._text_answer(200, self.execute(command, arguments))
        except (KeyError, ValueError, TypeError) as mistake:
            answer = self._text_answer(400, f"not done: {mistake}")
        await send_answer(send, answer)

    def execute(self, command: str, arguments: list[str]) -> str:
        """Execute a command and return the text to print; KeyError or ValueError if that fails."""
        surfaces: dict[str, Any] = self.deployment.surfaces
        if command == "switch":
            self.deployment.switch(arguments)
            return ""
        if command == "reset":
            self.deployment.reset()
            return ""
        if command == "state":
            return json.dumps({name: surface.contents() for name, surface in surfaces.items()})
        if command == "capture":
            self.deployment.capture()
            return ""
        if command == "captured":
            return json.dumps(self._captured())
        if command == "idle":
            idle = [
                each for application in self.deployment.applications.values() for each in application.alterations.idle
            ]
            return json.dumps(sorted(each.kebab_name() for each in idle))
        if command == "failures":
            return json.dumps(self._failures())
        if command in ("revoke", "restore"):
            self._change_credential(command, arguments[0])
            return ""
        if command in ("promote", "demote"):
            getattr(surfaces["identity"], command)(arguments[0])
            return ""
        if command == "rotate-webhook":
            path = str(surfaces["webhooks"].rotate())
            self.deployment.webhook_moved()
            return self.deployment.urls["webhooks"] + path
        if command == "events":
            return json.dumps(surfaces["webhooks"].events())
        raise ValueError(f"unknown command {command}")

    def _change_credential(self, command: str, name: str) -> None:
        """Revoke or restore the OAuth client, registry login or access key of this name; KeyError without one."""
        identity, storage = (self.deployment.surfaces[each] for each in ("identity", "storage"))
        holders: list[tuple[Any, str]] = [(identity, "clients"), (identity, "accounts"), (storage, "access_keys")]
        kinds = {"clients": "", "accounts": "_login", "access_keys": "_key"}
        for surface, credentials in holders:
            if name in getattr(surface, credentials):
                getattr(surface, f"{command}{kinds[credentials]}")(name)
                return
        raise KeyError(name)

    def _captured(self) -> list[dict[str, Any]]:
        found = []
        for name, application in self.deployment.applications.items():
            for request in application.captured or []:
                target = request.raw_path + (f"?{request.query_string}" if request.query_string else "")
                body = base64.b64encode(request.body).decode()
                found.append(
                    {
                        "surface": name,
                        "method": request.method,
                        "target": target,
                        "headers": request.headers.items(),
                        "body": body,
                    }
                )
            application.captured = None
        return found

    def _failures(self) -> list[str]:
        found: list[str] = []
        for application in self.deployment.applications.values():
            found += application.failures
            application.failures.clear()
        return found

    def _text_answer(self, status: int, text: str) -> Answer:
        from conformance.reference.http import Answer

        return Answer(status, text.encode())


def tell(url: str, *words: str) -> str:
    """Send a command to a running reference and return its output; ValueError if it fails."""
    if url.startswith("file:"):
        url = Path(url.removeprefix("file:")).read_text(encoding="utf-8").strip()
    # Without an HTTP library: a run calls dozens of hooks, and the import would dominate their time.
    address, _, key = url.removeprefix("http://").partition("/")
    host, _, port = address.rpartition(":")
    request_body = json.dumps(words).encode()
    head = f"POST /{key} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {len(request_body)}\r\n\r\n"
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + request_body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    response_head, _, body = answer.partition(b"\r\n\r\n")
    if response_head.split(b" ", 2)[1:2] != [b"200"]:
        raise ValueError(body.decode() or "no answer")
    return body.decode()


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit code."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 4
    try:
        output = tell(*arguments)
    except (OSError, ValueError) as mistake:
        print(mistake, file=sys.stderr)
        return 4
    if output:
        print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
