"""The environment and the time of a run, for its record."""

from __future__ import annotations

import datetime
import hashlib
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from itertools import chain

from conformance.plugin.locations import PACKAGE, suites_folder
from conformance.target.proxies import proxies_to

LIBRARIES = ("pytest", "pytest-xdist", "h11", "httpx", "boto3", "docker", "hypothesis")


def environment(urls: Iterable[str]) -> dict[str, str]:
    """Return the versions of relevant software, the digest of the suite, and proxies in use."""
    found = {name: version(name) for name in LIBRARIES}
    proxies = ", ".join(map(str, proxies_to(urls)))
    proxy = {"proxy": proxies} if proxies else {}
    system = f"{platform.system()} {platform.machine()}"
    return {"python": sys.version.split()[0], "system": system, "suite_sha256": suite_digest(), **proxy, **found}


def suite_digest() -> str:
    """Return the SHA-256 of the names and the content of the suite's modules and data."""
    digest = hashlib.sha256()
    for folder in (PACKAGE, suites_folder()):
        for path in sorted(chain.from_iterable(folder.rglob(f"*.{kind}") for kind in ("py", "toml", "json"))):
            if suites_folder() not in path.parents or folder == suites_folder():
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def now() -> str:
    """Return the time in UTC, to the second, as RFC 3339."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
