"""Connections through the proxy that the environment names; its failures name the proxy.

httpx requests a tunnel (CONNECT, RFC 9110 section 9.3.6) to an https:// target, and sends requests for an http://
target to the proxy itself. A raw socket always needs a tunnel, which httpx opens.
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
UNSUPPORTED = "is not supported; use the form http://host:port"


class ProxyFailed(OSError):
    """A proxy cannot be used. The message names the proxy, the cause and the mend."""


class ThroughProxy(httpx.BaseTransport):
    """Sends requests through a proxy. Raises httpx.ProxyError, which names the proxy and its variable."""

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
    """Connect to a host within ``limit_s`` seconds. Raises OSError: ProxyFailed and TimeoutError are subclasses."""
    proxy = proxy_for(scheme, host, port)
    if proxy is None:
        return socket.create_connection((host, port), limit_s)
    if not str(proxy).startswith("http://"):
        raise ProxyFailed(_failed(proxy, UNSUPPORTED))
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
    request = httpx.Request("CONNECT", httpx.Proxy(str(proxy)).url, headers=fields, stream=Body(b""))
    request.extensions.update(target=authority.encode("ascii"), timeout=timeouts)
    response = transport.handle_request(request)
    if not response.is_success:
        response.close()
        raise httpx.ProxyError(str(response.status_code))
    tunnel: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    return tunnel


def _reason(message: str) -> str:
    """Explain a message of httpcore, which begins with the status if the proxy refused a tunnel."""
    status = message[:3]
    if status == "407":
        return "wants a login (407): set http://name:password@host:port"
    return f"refuses a tunnel ({status})" if status.isdigit() else message


def _unusable(proxy: Proxy) -> str:
    scheme = str(proxy).partition("://")[0]
    if scheme in ("http", "https"):
        return "has no host or no numeric port"
    return UNSUPPORTED


def _failed(proxy: Proxy, reason: str) -> str:
    return f"the proxy {proxy} in {proxy.variable} {reason}; hosts named in NO_PROXY are reached without it"
