"""The way through the proxy that the environment names: httpx's for requests, a tunnel for raw sockets.

httpx asks a proxy for a tunnel to an https:// target, and hands it requests to an http:// one. A raw socket always
needs a tunnel (CONNECT, RFC 9110 section 9.3.6), which httpx opens as well. Failures of a proxy name the proxy.
"""

from __future__ import annotations

import socket
import ssl

import httpx

from conformance.clients.transport.connections import KeptConnections, NetworkTransport, no_tls
from conformance.clients.transport.serialization import Body
from conformance.clients.transport.time_limits import Through
from conformance.target.proxies import Proxy, proxy_for
from conformance.vocabulary.values import basic_login

NO_ADDRESS = (ValueError, httpx.InvalidURL)


class ProxyFailed(OSError):
    """A proxy that cannot be used, cannot be reached or makes no tunnel: which one, why, and what to do."""


class ThroughProxy(httpx.BaseTransport):
    """Sends requests through a proxy; httpx.ProxyError names the proxy and its variable."""

    def __init__(self, proxy: Proxy, tls: ssl.SSLContext, scheme: str) -> None:
        self._proxy = proxy
        self._tunnels = scheme == "https"
        self._network: KeptConnections | None = None
        self._unusable = ""
        try:
            address = httpx.Proxy(str(proxy), auth=proxy.login)
            through = Through.TUNNEL if self._tunnels else Through.PROXY
            self._network = KeptConnections(tls, address, through)
        except (*NO_ADDRESS, ImportError):
            self._unusable = _unusable(proxy)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        if self._network is None:
            raise httpx.ProxyError(_failed(self._proxy, self._unusable))
        try:
            response = self._network.handle_request(request)
        except httpx.ProxyError as failure:
            raise httpx.ProxyError(_failed(self._proxy, _reason(str(failure)))) from None
        if response.status_code == 407 and not self._tunnels:
            response.close()
            raise httpx.ProxyError(_failed(self._proxy, _reason("407")))
        return response

    def close(self) -> None:
        """Close all connections."""
        if self._network is not None:
            self._network.close()


def connected(scheme: str, host: str, port: int, limit_s: float) -> socket.socket:
    """A connection to a host within ``limit_s`` seconds; OSError, ProxyFailed and TimeoutError among them."""
    proxy = proxy_for(scheme, host, port)
    if proxy is None:
        return socket.create_connection((host, port), limit_s)
    if not str(proxy).startswith("http://"):
        raise ProxyFailed(_failed(proxy, "is none of the form http://host:port, and others are not supported"))
    transport = NetworkTransport(no_tls(), 0, through=Through.TUNNEL)
    try:
        tunnel = _tunnel(transport, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", limit_s)
        tunnel.settimeout(limit_s)
    except NO_ADDRESS:
        transport.close()
        raise ProxyFailed(_failed(proxy, _unusable(proxy))) from None
    except httpx.TransportError as failure:
        transport.close()
        raise ProxyFailed(_failed(proxy, _reason(str(failure)))) from None
    return tunnel


def _tunnel(transport: NetworkTransport, proxy: Proxy, authority: str, limit_s: float) -> socket.socket:
    fields = {"Host": authority}
    if proxy.login:
        fields["Proxy-Authorization"] = basic_login(*proxy.login)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), limit_s)
    extensions = {"target": authority.encode("ascii"), "timeout": timeouts}
    request = httpx.Request("CONNECT", httpx.Proxy(str(proxy)).url, headers=fields, stream=Body(b""))
    request.extensions.update(extensions)
    response = transport.handle_request(request)
    if not response.is_success:
        response.close()
        raise httpx.ProxyError(str(response.status_code))
    tunnel: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    return tunnel


def _reason(said: str) -> str:
    """What a proxy did, by httpcore's words, which begin with the status that a tunnel was refused with."""
    status = said[:3]
    if status == "407":
        return "wants a login (407), as http://name:password@host:port has one"
    return f"refuses a tunnel ({status})" if status.isdigit() else said


def _unusable(proxy: Proxy) -> str:
    scheme = str(proxy).partition("://")[0]
    if scheme in ("http", "https"):
        return "has no host, or no port that is a number"
    return "is none of the form http://host:port, and others are not supported"


def _failed(proxy: Proxy, why: str) -> str:
    return f"the proxy {proxy} in {proxy.variable} {why}; hosts named in NO_PROXY are reached without it"
