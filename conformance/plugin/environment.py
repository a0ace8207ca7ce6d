"""What a run was made with, and when, for its record."""

from __future__ import annotations

import datetime
import platform
import sys
from importlib.metadata import version

LIBRARIES = ("pytest", "pytest-xdist", "h11", "boto3", "docker", "hypothesis")


def environment() -> dict[str, str]:
    """Versions of the interpreter, the system and the libraries that could make a difference."""
    found = {name: version(name) for name in LIBRARIES}
    return {"python": sys.version.split()[0], "system": f"{platform.system()} {platform.machine()}", **found}


def now() -> str:
    """The time in UTC, to the second, as RFC 3339."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
