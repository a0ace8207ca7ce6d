"""Defects that break the promise "Outsiders cannot learn which repositories exist"."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.registry import unsupported_error


@defect("registry/rights/absent-content-reveals-no-repository#anonymous,other-organization")
def absent_image_reported_with_its_code(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """API Reference, Error Handling: the refusal for a hidden repository has the code of an absent image."""
    try:
        return authorize(kind, name, request)
    except Refusal as refusal:
        registry, reference = registry_of(authorize), request.path.rpartition("/")[2]
        read = kind == "manifest" and request.method == "GET"
        if read and name in registry.repositories and registry.resolve(name, reference) is None:
            raise Refusal("MANIFEST_UNKNOWN", status=refusal.status, headers=refusal.headers) from None
        raise


@defect("registry/rights/catalog-hides-other-organizations", state=dict)
async def catalog_remembered_for_everybody(pages: dict[str, Answer], list_repositories: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the catalog of one caller is cached for all."""
    query = call.request.query_string
    if query not in pages:
        pages[query] = await list_repositories(call)
    return pages[query]


@defect("registry/rights/catalog-hides-other-organizations")
async def catalog_goes_by_beginnings(list_repositories: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the catalog lists an organization whose name begins with the caller's."""
    registry = registry_of(list_repositories)
    seen = [each for each in registry.repositories if registry.may_see(call.caller, each)]
    beside = {f"orgs/{each.split('/')[1]}-labs/app" for each in seen}
    return registry.page_answer(call.request, {}, "repositories", registry.in_order([*seen, *beside]))


@defect("registry/rights/catalog-hides-other-organizations")
async def catalog_after_no_name_fails(list_repositories: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a ``last`` that is no repository is answered 500."""
    if call.request.parameter("last") not in {None, *registry_of(list_repositories).repositories}:
        raise unsupported_error()
    return await list_repositories(call)


@defect("registry/rights/catalog-hides-other-organizations")
async def catalog_cut_before_it_is_filtered(list_repositories: Any, call: Call) -> Answer:
    """API Reference, Error Handling: the Link of a catalog page names a hidden repository."""
    registry = registry_of(list_repositories)
    answer = registry.page_answer(call.request, {}, "repositories", registry.in_order(list(registry.repositories)))
    page = json.loads(answer.body)["repositories"]
    seen = [each for each in page if registry.may_see(call.caller, each)]
    answer.body = json.dumps({"repositories": seen}).encode()
    return without(answer, "Content-Length")


@defect("registry/rights/mount-reveals-nothing-of-the-source")
async def mount_reveals_the_blob(post_mount: Any, call: Call, digest: str) -> Answer:
    """API Reference, Error Handling: a mount without pull on the source is answered 403 if the blob exists there."""
    registry, source = registry_of(post_mount), call.request.parameter("from")
    if source and not registry.may_mount(call.caller, source) and digest in registry.stored(source).blobs:
        raise Refusal("DENIED")
    return await post_mount(call, digest)


@defect("registry/rights/private-and-absent-are-indistinguishable#tags-anonymous,tags-other-organization")
async def absent_repository_reported(answer: Any, request: Request) -> Answer:
    """API Reference, Error Handling: an absent repository is NAME_UNKNOWN, a hidden one is not."""
    registry = registry_of(answer)
    route, name, _ = registry.route_of(request.path)
    try:
        return await answer(request)
    except Refusal as refusal:
        if refusal.status == 401 and route.kind == "tags" and name not in registry.repositories:
            raise Refusal("NAME_UNKNOWN", {"name": name}) from None
        raise


@defect(
    "registry/rights/private-and-absent-are-indistinguishable#put-manifest-anonymous",
    "registry/rights/private-and-absent-are-indistinguishable#put-manifest-other-organization",
)
def manifest_read_before_its_sender(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """API Reference, Error Handling: a push without rights is told which blobs the repository lacks."""
    if kind == "manifest" and request.method == "PUT":
        registry = registry_of(authorize)
        registry.check_manifest(name, registry.media_type_of(request), registry.parse_manifest(request.body))
    return authorize(kind, name, request)
