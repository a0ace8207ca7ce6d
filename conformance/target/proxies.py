"""The proxies that the environment names, and the hosts that they serve.

``HTTPS_PROXY``, ``HTTP_PROXY`` and ``ALL_PROXY`` name a proxy, ``NO_PROXY`` the hosts that need none, in lower case as
well, as curl and SDKs read them. This machine itself is never reached through a proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

KINDS = ("http", "https", "all")
LOOPBACK = "localhost,127.0.0.1,::1"


class Proxy(NamedTuple):
    """A proxy: its URL, which may contain a login, and the environment variable that names it."""

    url: str
    variable: str

    def __str__(self) -> str:
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{re.split('[/?#]', rest.rpartition('@')[2])[0]}"

    @property
    def login(self) -> tuple[str, str] | None:
        """The name and password for the proxy, even if the rest of the URL is invalid; None without."""
        user, mark, _ = self.url.partition("://")[2].rpartition("@")
        name, _, password = user.partition(":")
        return (unquote(name), unquote(password)) if mark else None


def named() -> Iterator[Proxy]:
    """Yield all proxies that the environment names."""
    for kind, url in getproxies_environment().items():
        if kind in KINDS:
            yield Proxy(url if "://" in url else f"http://{url}", f"{kind.upper()}_PROXY")


def proxy_for(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """Return the proxy for a host and port; None if they are reached directly."""
    by_variable = {proxy.variable: proxy for proxy in named()}
    proxy = by_variable.get(f"{scheme.upper()}_PROXY", by_variable.get("ALL_PROXY"))
    if proxy is None or _is_this_machine(host) or proxy_bypass(f"{host}:{port}" if port else host):
        return None
    return proxy


def proxies_to(urls: Iterable[str]) -> list[Proxy]:
    """Return the proxies for these URLs, each once."""
    found = [proxy_for(parts.scheme, parts.hostname or "", parts.port) for parts in map(urlsplit, urls)]
    return list(dict.fromkeys(each for each in found if each is not None))


def proxy_variables() -> dict[str, str]:
    """Return environment variables that make a program use the same proxies; none if there is no proxy."""
    variables = {proxy.variable: proxy.url for proxy in named()}
    if not variables:
        return {}
    variables["NO_PROXY"] = ",".join(filter(None, [getproxies_environment().get("no"), LOOPBACK]))
    # Some programs read only the upper-case names; curl reads only the lower-case http_proxy.
    return {**variables, **{name.lower(): value for name, value in variables.items()}}


def on_loopback(url: str) -> bool:
    """Return whether the host of a URL is localhost or a loopback address; no name is resolved."""
    return _is_this_machine(urlsplit(url).hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
