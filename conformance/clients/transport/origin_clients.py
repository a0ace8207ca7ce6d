"""One httpx client per origin, which limits the rate, records requests and uses the origin's proxy.

Requests are sent as built: no redirect is followed, no cookie is stored and no login is added.
"""

from __future__ import annotations

import ssl
import threading

import httpx

from conformance.clients.transport.connections import KeptConnections, default_authorities, no_tls
from conformance.clients.transport.recording import Recording
from conformance.clients.transport.request_budget import RequestBudget
from conformance.clients.transport.serialization import Origin
from conformance.clients.transport.through_proxy import ThroughProxy
from conformance.evidence.recorder import Recorder
from conformance.target.proxies import proxy_for


class _NoCookies(httpx.Cookies):
    """Stores no cookie: the contract needs none, and cookies of a hostile target would accumulate."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the response's cookies."""


class _Client(httpx.Client):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise NotImplementedError


class Clients:
    """httpx clients by origin, each created at its first request. Threads may share them.

    ``tls`` trusts the target's authorities; None means the default ones.
    """

    def __init__(self, recorder: Recorder, budget: RequestBudget, tls: ssl.SSLContext | None = None) -> None:
        self._recorder, self._budget, self._tls = recorder, budget, tls
        self._clients: dict[Origin, httpx.Client] = {}
        self._lock = threading.Lock()

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the origin in its extensions. Raises httpx.TransportError."""
        origin: Origin = request.extensions["origin"]
        client = self._clients.get(origin)
        if client is None:
            with self._lock:
                client = self._clients.setdefault(origin, self._client(origin))
        return client.send(request, stream=True)

    def _client(self, origin: Origin) -> httpx.Client:
        tls = (self._tls or default_authorities()) if origin.scheme == "https" else no_tls()
        proxy = proxy_for(origin.scheme, origin.host, origin.port)
        network = KeptConnections(tls) if proxy is None else ThroughProxy(proxy, tls, origin.scheme)
        hooks = {"request": [lambda _: self._budget.wait()]}
        return _Client(transport=Recording(network, self._recorder), event_hooks=hooks, trust_env=False, timeout=None)

    def close(self) -> None:
        """Close all connections. Later requests open new ones."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
