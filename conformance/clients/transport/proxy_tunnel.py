"""The way to a host: straight, or by a tunnel through the proxy that the environment names for it.

A tunnel (CONNECT, RFC 9110 section 9.3.6) is made for http:// as well as for https://: what is checked goes out and
comes in byte by byte as it does without a proxy.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from urllib.parse import urlsplit

from conformance.target.proxies import Proxy, proxy_for
from conformance.vocabulary.values import basic_login

LARGEST_HEAD = 16 * 1024
DEFAULT_PORT = 80


class ProxyFailed(OSError):
    """A proxy that cannot be used, cannot be reached or makes no tunnel: which one, why, and what to do."""


def is_quiet(stream: socket.socket) -> bool:
    """Whether nothing can be read from a connection: neither bytes nor that it has ended."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return not poll.poll(0)


def has_ended(stream: socket.socket) -> bool:
    """Whether the other end has closed a connection from which something can be read; it is of no use from then on."""
    stream.setblocking(False)
    try:
        return not stream.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def connected(scheme: str, host: str, port: int, limit_s: float) -> socket.socket:
    """A connection to a host within ``limit_s`` seconds; OSError, ProxyFailed and TimeoutError among them."""
    proxy = proxy_for(scheme, host, port)
    if proxy is None:
        return socket.create_connection((host, port), limit_s)
    until = time.monotonic() + limit_s
    tunnel = _proxy_connected(proxy, limit_s)
    try:
        tunnel.sendall(_connect(proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))
        _expect_tunnel(_head(tunnel, proxy, until), proxy)
        tunnel.settimeout(limit_s)
    except BaseException:
        tunnel.close()
        raise
    return tunnel


def _proxy_connected(proxy: Proxy, limit_s: float) -> socket.socket:
    try:
        parts = urlsplit(proxy.url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    except ValueError:
        raise _failed(proxy, "has no host, or no port that is a number") from None
    if parts.scheme != "http" or not host:
        raise _failed(proxy, "is none of the form http://host:port, and others are not supported")
    try:
        return socket.create_connection((host, port), limit_s)
    except TimeoutError:
        raise _failed(proxy, "does not answer in time") from None
    except OSError as error:
        raise _failed(proxy, f"cannot be reached ({error.strerror or type(error).__name__})") from None


def _connect(proxy: Proxy, authority: str) -> bytes:
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.login:
        lines.append(f"Proxy-Authorization: {basic_login(*proxy.login)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _head(tunnel: socket.socket, proxy: Proxy, until: float) -> bytes:
    """The head of the proxy's answer, byte by byte: what follows it is the host's."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        tunnel.settimeout(max(0.001, until - time.monotonic()))
        try:
            byte = tunnel.recv(1)
        except TimeoutError:
            raise _failed(proxy, "does not answer in time") from None
        if not byte or len(head) > LARGEST_HEAD:
            raise _failed(proxy, "answers CONNECT with no whole answer of HTTP")
        head += byte
    return bytes(head)


def _expect_tunnel(head: bytes, proxy: Proxy) -> None:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    status = words[1].decode("latin-1") if len(words) > 1 and words[0].startswith(b"HTTP/1.") else ""
    if status == "407":
        raise _failed(proxy, "wants a login (407), as http://name:password@host:port has one")
    if len(status) != 3 or not status.startswith("2"):
        raise _failed(proxy, f"refuses a tunnel ({status[:3] or 'no HTTP answer'})")


def _failed(proxy: Proxy, why: str) -> ProxyFailed:
    return ProxyFailed(f"the proxy {proxy} in {proxy.variable} {why}; hosts named in NO_PROXY are reached without it")
