"""The proxies that the environment names, and which hosts are reached through them.

``HTTPS_PROXY``, ``HTTP_PROXY`` and ``ALL_PROXY`` name a proxy, ``NO_PROXY`` the hosts that are reached without one, in
small letters as well, as curl and SDKs read them. The machine itself is always reached straight.
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
    """A proxy: the URL that the environment has, which may hold a login, and the variable that it stands in."""

    url: str
    variable: str

    def __str__(self) -> str:
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{re.split('[/?#]', rest.rpartition('@')[2])[0]}"

    @property
    def login(self) -> tuple[str, str] | None:
        """Name and password for the proxy, though the rest be no address; None without."""
        user, mark, _ = self.url.partition("://")[2].rpartition("@")
        name, _, password = user.partition(":")
        return (unquote(name), unquote(password)) if mark else None


def named() -> Iterator[Proxy]:
    """All proxies that the environment names."""
    for kind, url in getproxies_environment().items():
        if kind in KINDS:
            yield Proxy(url if "://" in url else f"http://{url}", f"{kind.upper()}_PROXY")


def proxy_for(scheme: str, host: str, port: int | None = None) -> Proxy | None:
    """The proxy through which a host is reached; None where it is reached straight, be it at this port alone."""
    found = {proxy.variable: proxy for proxy in named()}
    proxy = found.get(f"{scheme.upper()}_PROXY", found.get("ALL_PROXY"))
    if proxy is None or _is_this_machine(host) or proxy_bypass(f"{host}:{port}" if port else host):
        return None
    return proxy


def proxies_to(urls: Iterable[str]) -> list[Proxy]:
    """The proxies through which these are reached, each once."""
    found = [proxy_for(parts.scheme, parts.hostname or "", parts.port) for parts in map(urlsplit, urls)]
    return list(dict.fromkeys(each for each in found if each is not None))


def proxy_variables() -> dict[str, str]:
    """What a program is told, so that it goes the same way; nothing where the environment names no proxy."""
    variables = {proxy.variable: proxy.url for proxy in named()}
    if not variables:
        return {}
    variables["NO_PROXY"] = ",".join(filter(None, [getproxies_environment().get("no"), LOOPBACK]))
    # Some programs read them in capitals alone, curl that of http:// in small letters alone.
    return {**variables, **{name.lower(): value for name, value in variables.items()}}


def on_loopback(url: str) -> bool:
    """Whether an address is this machine's own: localhost or an address of loopback, no name is looked up."""
    return _is_this_machine(urlsplit(url).hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
