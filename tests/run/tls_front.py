"""A TLS front for tests: an authority, certificates in any state, and a proxy that passes bytes on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
TLS_RECORD = 0x16
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Change = Callable[[bytes], bytes]


@dataclass
class Authority:
    """An authority of the tests' own; ``folder`` takes its certificate (``ca.pem``) and those that it issues."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tests' authority {self.folder.name}")])
        signs = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = self._builder(self.name, self.key, DAY, DAY)
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(signs, True)
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str = "localhost", since: timedelta = DAY, left: timedelta = DAY) -> Path:
        """A PEM file with the key and certificate of a host, valid since some time ago and for some time to come."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(name, key, since, left)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = builder.add_extension(issuer, False).sign(self.key, hashes.SHA256())
        file = self.folder / f"{host}-{certificate.serial_number}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
        return file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, since: timedelta, left: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - since).not_valid_after(now + left)
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)


def server_context(certificate: Path, lowest: str = "TLSv1_2", highest: str = "MAXIMUM_SUPPORTED") -> ssl.SSLContext:
    """The TLS context of a server: its certificate, and the versions from ``lowest`` to ``highest``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if lowest in ("TLSv1", "TLSv1_1"):
        context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[lowest]
        context.maximum_version = ssl.TLSVersion[highest]
    return context


class Front:
    """Listens on a free port of localhost and passes every byte on to ``upstream``, Host and all.

    ``plain``: what comes without TLS on the same port is passed on too. ``instead`` may give an answer of
    its own to what a client sends, b"" to pass it on; ``retold`` what the upstream's words are passed on as (each
    as long as before within a body). ``close`` ends it.
    """

    def __init__(
        self,
        upstream: str,
        context: ssl.SSLContext,
        plain: bool = False,
        instead: Change = lambda sent: b"",
        retold: Change = lambda said: said,
    ) -> None:
        self.upstream = urlsplit(upstream)
        self.plain = plain
        self.instead = instead
        self.retold = retold
        self.loop = asyncio.new_event_loop()
        self.servers: list[asyncio.Server] = []
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.inner = self._listen(self._serve, context)
        self.port = self._listen(self._sort)
        self.url = f"https://localhost:{self.port}"

    def close(self) -> None:
        """Stops listening and passing on."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _cancel(self) -> None:
        for server in self.servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self, serve: Any, context: ssl.SSLContext | None = None) -> int:
        opening = asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(opening, self.loop).result(10)
        self.servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _sort(self, reader: Reader, writer: Writer) -> None:
        """By its first byte, a connection goes to where TLS is spoken, or to the upstream as it is, or nowhere."""
        first = await reader.read(1)
        if first and first[0] == TLS_RECORD:
            await self._join(reader, writer, "127.0.0.1", self.inner, first)
        elif first and self.plain:
            await self._join(reader, writer, self.upstream.hostname, self.upstream.port, first)
        writer.close()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        upstream = self.upstream
        await self._join(reader, writer, upstream.hostname, upstream.port, b"", self.instead, self.retold)

    async def _join(
        self, reader: Reader, writer: Writer, host: str | None, port: int | None, first: bytes, *changes: Change
    ) -> None:
        there, to_there = await asyncio.open_connection(host, port)
        to_there.write(first)
        instead, told = changes or (lambda sent: b"", lambda said: said)
        await asyncio.gather(pump(reader, to_there, writer, instead), pump(there, writer, writer, told=told))


async def pump(
    source: Reader, sink: Writer, back: Writer, instead: Change = lambda sent: b"", told: Change = lambda said: said
) -> None:
    """Pass bytes on, changed by ``told``, until the source ends; a response of ``instead`` goes back instead."""
    with contextlib.suppress(OSError, ssl.SSLError):
        while part := await source.read(65536):
            own = instead(part)
            (back if own else sink).write(own or told(part))
            await sink.drain()
    with contextlib.suppress(OSError, ssl.SSLError):
        sink.close()
