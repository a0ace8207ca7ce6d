"""Where a creation says that the new thing is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from conformance.clients.http import address_in
from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import expect_named
from conformance.oracles.headers import address_parts
from conformance.oracles.proofs import field_matches, field_says_no, literal
from conformance.oracles.status import expect_success
from conformance.sandbox.platform import Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


@verifies("errors/reads/location-leads-to-what-was-created")
def test_location_leads_to_what_was_created(platform: Platform) -> None:
    """Purpose: where a creation says where the new thing is, it is there.

    Method: 1. create an item, and one that hides from others; where the answer is 201, expect Location, and not that of
               the list
            2. follow it, relative or absolute, at the host that was asked (written in any case, its port too): 2xx; and
               where that has the unique member, that of what was created
    """
    judged, token = False, bearer(platform.oauth.token("full"))
    for resource, members in _to_be_made(platform):
        slug = platform.names.new()
        reply = platform.create(resource, slug, members=members)
        if reply.status != 201:
            continue
        judged = True
        location = reply.headers.get("location")
        if not location:
            proof = field_matches(reply, "Location", ".")
            raise NonConformance("201 with Location", "201 without it", reply, proof=proof)
        parts = address_parts(reply, location)
        if _origin(parts) != _origin(urlsplit(platform.http.base_url)):
            base = literal(platform.http.base_url)
            proof = field_matches(reply, "Location", f"^({base}/|/?[^:]*$)")
            raise NonConformance("a Location at the host that was asked", location, reply, proof=proof)
        address = address_in(reply.url, location).partition("#")[0]
        if address.rstrip("/") == platform.http.url_of(resource.path).rstrip("/"):
            proof = field_says_no(reply, "Location", f"^{literal(location)}$")
            raise NonConformance("a Location of what was created", f"{location}, the list", reply, proof=proof)
        found = platform.http.get(address, [token])
        expect_success(found, f"at the Location {location}")
        name = platform.slug_of(platform.operation(resource, "create", slug))
        expect_named(found, str(resource.unique), name, ", which was created")
    if not judged:
        raise NotApplicable("no creation is answered 201")


def _to_be_made(platform: Platform) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """Each resource, with what the body of an item has beside what is declared: nothing, and by what it hides."""
    for resource in platform.resources_with("create", "item"):
        yield resource, {}
        if resource.item and resource.item.hidden_body:
            yield resource, resource.item.hidden_body


def _origin(parts: SplitResult) -> tuple[str | None, int | None]:
    """Host and port; behind a front that ends TLS the scheme of a Location may be another."""
    return parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
