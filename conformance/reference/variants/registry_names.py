"""The registry, correct otherwise: names of repositories."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.http import Request
from conformance.reference.registry import grammar
from conformance.reference.registry.routing import Route
from conformance.reference.variants.registry_access import BasicLogin

SLUGS = re.compile("orgs/[a-z0-9][a-z0-9-]*[a-z0-9]/[a-z0-9][a-z0-9-]*[a-z0-9]")


class NamesAreSlugsAlone(Variant):
    """API Reference, Docker Registry: images are named orgs/{org-slug}/{app-slug}; other names need not be any."""

    surface = "registry"

    def is_name(self, original: Any, text: str) -> bool:
        return bool(original(text)) and SLUGS.fullmatch(text) is not None


class NamesOfAnyLength(Variant):
    """distribution-spec 1.1, Pulling manifests: the grammar knows no longest name; it is clients that do."""

    surface = "registry"

    def is_name(self, original: Any, text: str) -> bool:
        return grammar.is_name_of_any_length(text)


class SlashesMerged(Variant):
    """RFC 3986 section 6.2: a server, or the proxy before it, may resolve a path before it looks at names."""

    surface = "registry"

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        found: tuple[Route, str, str] = original(re.sub("/{2,}", "/", path))
        return found


class DotsResolved(BasicLogin):
    """RFC 3986 section 6.2.2.3: a path with dots is another's; here for logins that are shown with each request."""

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        found: tuple[Route, str, str] = original(re.sub(r"/[^/]+/\.\.(?=/)", "", path))
        return found


class AddressesInCapitals(Variant):
    """RFC 3986 section 6.2.2.1: scheme and host are the same in capitals, in which an operator may write them."""

    surface = "registry"

    def url(self, original: Any, request: Request, path: str) -> str:
        return f"{request.base_url.upper()}{path}"

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{request.base_url.upper()}{original(request, query)}"
