"""The operation of a request: its method and its route, without the names that differ between requests."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

SELECTING = frozenset({"uploadId", "partNumber", "list-type"})
"""Names in a query that select an operation of S3; names without a value do, too."""
REGISTRY = re.compile(r"/v2/.*/(manifests|blobs/uploads|blobs|tags/list|referrers)(?:/|$)")
VOLATILE_PART = re.compile(
    r"cf-[0-9a-z]{11}-(?:w\d*|serial|last|preflight)-\d+x?|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{16,}|\d{5,}"
    r"|[A-Za-z0-9_=-]{24,}"
)
"""A part of a path that names a resource of one run."""

CODE = re.compile(r"""<Code>([\w.]{1,80})</Code>|"(?:code|error)"\s*:\s*"([\w. -]{1,80})\"""")


def error_code(body: str) -> str:
    """Return the error code in the body of a response (S3, OCI, OAuth, the organization APIs); "" without one."""
    found = CODE.search(body)
    return next(filter(None, found.groups()), "") if found else ""


def operation_of(method: str, url: str, area: str) -> str:
    """Return the operation: ``GET manifests``, ``PUT object uploadId``, ``POST /oauth/token``.

    HEAD counts as GET. Of S3 (``area`` is storage) the route is the kind of resource and its subresource.
    """
    method, at = "GET" if method == "HEAD" else method, urlsplit(url)
    if found := REGISTRY.match(at.path):
        return f"{method} {found[1]}"
    if area != "storage":
        return f"{method} {VOLATILE_PART.sub('*', at.path)}"
    place = "object" if at.path.strip("/").count("/") else "bucket" if at.path.strip("/") else "service"
    named = parse_qsl(at.query, keep_blank_values=True)
    return (
        f"{method} {place} {' '.join(sorted(name for name, value in named if not value or name in SELECTING))}".strip()
    )
