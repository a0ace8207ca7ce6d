"""What a run was made with, and when, for its record."""

from __future__ import annotations

import datetime
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version

from conformance.target.proxies import proxies_to

LIBRARIES = ("pytest", "pytest-xdist", "h11", "boto3", "docker", "hypothesis")


def environment(urls: Iterable[str]) -> dict[str, str]:
    """Versions of the interpreter, the system and libraries that could make a difference, and proxies on the way."""
    found = {name: version(name) for name in LIBRARIES}
    proxies = ", ".join(map(str, proxies_to(urls)))
    between = {"proxy": proxies} if proxies else {}
    return {"python": sys.version.split()[0], "system": f"{platform.system()} {platform.machine()}", **between, **found}


def now() -> str:
    """The time in UTC, to the second, as RFC 3339."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
