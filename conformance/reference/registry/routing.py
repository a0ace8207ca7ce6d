"""Routing of the registry: the endpoints of the distribution spec and their methods."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.reference.http import Request
from conformance.reference.registry.access import Caller


@dataclass(frozen=True)
class Route:
    """An endpoint: the pattern of its path, and the name of the registry's method for each HTTP method."""

    kind: str
    pattern: re.Pattern[str]
    handlers: dict[str, str]

    @property
    def allow(self) -> str:
        return ", ".join(self.handlers)


@dataclass(frozen=True)
class Call:
    """A routed and authorized request. ``reference`` is a tag, a digest or a session."""

    request: Request
    name: str
    reference: str
    caller: Caller

    def also_named(self, name: str) -> Call:
        return Call(self.request, name, self.reference, self.caller)


def _route(kind: str, pattern: str, **handlers: str) -> Route:
    return Route(kind, re.compile(pattern), handlers)


_NAME, _LAST = "/v2/(?P<name>.+)", "(?P<reference>[^/]+)"
ROUTES = (
    _route("support", "/v2/?", GET="support", HEAD="support"),
    _route("catalog", "/v2/_catalog", GET="list_repositories", HEAD="list_repositories"),
    _route("tags", f"{_NAME}/tags/list", GET="list_tags", HEAD="list_tags"),
    _route("referrers", f"{_NAME}/referrers/{_LAST}", GET="list_referrers", HEAD="list_referrers"),
    _route("uploads", f"{_NAME}/blobs/uploads/?", POST="post_upload"),
    _route(
        "upload",
        f"{_NAME}/blobs/uploads/{_LAST}",
        GET="get_upload",
        HEAD="get_upload",
        PATCH="patch_upload",
        PUT="put_upload",
        DELETE="delete_upload",
    ),
    _route("blob", f"{_NAME}/blobs/{_LAST}", GET="get_blob", HEAD="head_blob", DELETE="delete_blob"),
    _route(
        "manifest",
        f"{_NAME}/manifests/{_LAST}",
        GET="get_manifest",
        HEAD="head_manifest",
        PUT="put_manifest",
        DELETE="delete_manifest",
    ),
)


def find_route(path: str) -> tuple[Route, str, str] | None:
    """Return the route of a decoded path, with repository name and last part ("" if it has none)."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None:
            parts = match.groupdict()
            return route, parts.get("name", ""), parts.get("reference", "")
    return None
