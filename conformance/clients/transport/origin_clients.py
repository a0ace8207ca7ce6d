"""httpx clients, one an origin. Each paces its requests, records them, and goes through the proxy of its origin.

Requests go out as they are built and no redirect is followed; no cookie is stored and no login added.
"""

from __future__ import annotations

import ssl
import threading

import httpx

from conformance.clients.transport.connections import KeptConnections, no_tls, usual_authorities
from conformance.clients.transport.rate_limiter import Pace
from conformance.clients.transport.recording import Recording
from conformance.clients.transport.serialization import Origin
from conformance.clients.transport.through_proxy import ThroughProxy
from conformance.evidence.recorder import Recorder
from conformance.target.proxies import proxy_for


class _NoCookies(httpx.Cookies):
    """Stores no cookie: a client of the contract's surfaces has none, and hostile ones would pile up."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave the response's cookies where they are."""


class _Client(httpx.Client):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise NotImplementedError


class Clients:
    """httpx clients for any origin, made when the first request goes there. Threads may share them.

    ``tls`` trusts the target's authority; None: those that the system trusts.
    """

    def __init__(self, recorder: Recorder, pace: Pace, tls: ssl.SSLContext | None = None) -> None:
        self._recorder, self._pace, self._tls = recorder, pace, tls
        self._made: dict[Origin, httpx.Client] = {}
        self._lock = threading.Lock()

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the origin among its extensions; httpx.TransportError."""
        origin: Origin = request.extensions["origin"]
        client = self._made.get(origin)
        if client is None:
            with self._lock:
                client = self._made.setdefault(origin, self._client(origin))
        return client.send(request, stream=True)

    def _client(self, origin: Origin) -> httpx.Client:
        tls = (self._tls or usual_authorities()) if origin.scheme == "https" else no_tls()
        found = proxy_for(origin.scheme, origin.host, origin.port)
        network: httpx.BaseTransport = (
            KeptConnections(tls) if found is None else ThroughProxy(found, tls, origin.scheme)
        )
        hooks = {"request": [lambda _: self._pace.wait()]}
        return _Client(transport=Recording(network, self._recorder), event_hooks=hooks, trust_env=False, timeout=None)

    def close(self) -> None:
        """Close all connections; requests may go out again afterwards."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()
