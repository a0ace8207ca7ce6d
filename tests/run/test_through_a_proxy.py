"""A target behind a proxy is checked like any other, by the suite's own clients and by programs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import conformance
from tests.run.tls_front import Authority, Front, pump, server_context

pytestmark = pytest.mark.once

HOST = "target.example"
LOGIN, ENCODED = "ci:a%2Dword%2Dfor%2Dthe%2Dproxy", b"Basic Y2k6YS13b3JkLWZvci10aGUtcHJveHk="


class Tunnels:
    """A proxy that makes a tunnel to this machine, whatever host is named, for who logs in."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(opening, self.loop).result(10)
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        """Listens no longer."""
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        self.asked.append(target)
        if method != b"CONNECT" or ENCODED not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", int(target.rpartition(b":")[2]))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, to_there, writer), pump(there, writer, writer))


def through(url: str) -> dict[str, str]:
    """An environment that names this proxy, whatever the one of the tests names."""
    return {"HTTPS_PROXY": url, "https_proxy": url, "NO_PROXY": "", "no_proxy": ""}


@pytest.fixture
def tunnels() -> Iterator[Tunnels]:
    running = Tunnels()
    yield running
    running.close()


@pytest.fixture
def beyond(tmp_path: Path) -> Iterator[Path]:
    """A target file whose hosts have a name that only the proxy knows; its certificates are for that name."""
    reference, authority, fronts = EmbeddedReference(), Authority(tmp_path), list[Front]()
    text = reference.target_config.read_text(encoding="utf-8")
    text = text.replace("file:conformance.secrets", f"file:{reference.target_config.parent}/conformance.secrets")
    for line in [each for each in text.splitlines() if each.startswith(("url = ", "endpoint = "))]:
        url = line.partition('"')[2].strip('"')
        if url.startswith("http://"):
            fronts.append(Front(url, server_context(authority.issue(HOST))))
            text = text.replace(f'"{url}"', f'"https://{HOST}:{fronts[-1].port}"')
    file = tmp_path / "conformance.toml"
    file.write_text(
        text.replace("\nfeatures = [", f'\nca_file = "{authority.file}"\nfeatures = [', 1), encoding="utf-8"
    )
    yield file
    for front in fronts:
        front.close()
    reference.stop()


def test_all_clients_use_the_proxy_of_the_environment(beyond: Path, tunnels: Tunnels) -> None:
    proxy = through(f"http://{LOGIN}@{tunnels.address}")
    areas = ["oauth/token", "oauth/transport", "storage/sdk", "storage/stream", "interoperability/identity"]
    ran = conformance(beyond.parent, "run", *areas, "--workers", "0", **proxy)

    assert f"Proxy    http://{tunnels.address}" in ran.output
    assert "storage/sdk/put-and-get#base" in ran.verdicts()
    failed = {id_: verdict for id_, verdict in ran.verdicts().items() if verdict not in ("pass", "not-applicable")}
    assert (ran.code, failed) == (0, {}), ran.output
    assert {each.rpartition(b":")[0] for each in tunnels.asked} == {HOST.encode()}
    left = [path for path in (beyond.parent / "reports").rglob("*") if path.is_file()]
    assert not [path for path in left if b"word-for-the-proxy" in path.read_bytes() or ENCODED in path.read_bytes()]
    assert ran.record.info.environment["proxy"] == f"http://{tunnels.address}"


@pytest.mark.nightly
def test_a_proxy_that_refuses_is_named_before_the_checks(beyond: Path, tunnels: Tunnels) -> None:
    ran = conformance(beyond.parent, "run", "oauth/token", "--workers", "0", **through(f"http://{tunnels.address}"))

    assert "HTTPS_PROXY wants a login (407)" in ran.output
    assert set(ran.verdicts().values()) <= {"inconclusive", "not-applicable"}
