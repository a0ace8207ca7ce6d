"""ETag, If-None-Match, 304 and If-Match follow RFC 9110; every update gives an item a new version."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate

import pytest

from conformance.clients.oauth.client import bearer
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.oracles.documents import shows
from conformance.oracles.headers import expect_not_shared, strong_etag
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotDeclared
from conformance.vocabulary.wording import worded

FORM = '^(W/)?"[^" ]*"$'
"""The form of an entity tag (RFC 9110 section 8.8.3)."""
UNKNOWN_ETAG = ("If-None-Match", '"cf-unknown"')
LONG_AGO = "Mon, 03 Jan 2000 00:00:00 GMT"


@verifies("errors/reads/etag-format")
def test_etag_is_an_entity_tag(platform: Platform) -> None:
    """Purpose: client libraries recognize a version only in the standard form.
    Method: 1. read an item of each resource; 2. expect an ETag to be quoted, without blanks
    """
    judged = False
    for operation in platform.operations("read-item"):
        reply = platform.as_role("full", operation)
        if etag := reply.headers.get("etag"):
            judged = True
            if not re.fullmatch(FORM, etag):
                raise NonConformance('a quoted entity tag, such as "1"', f"ETag: {etag}", reply)
    if not judged:
        raise NotApplicable("no item is read with an ETag")


@verifies("errors/reads/304-only-if-unchanged")
def test_304_only_if_unchanged(platform: Platform) -> None:
    """Purpose: a client must not keep a stale copy.
    Method: 1. read each list and its second page with an unknown ETag in If-None-Match; expect 2xx
            2. read an item, also by HEAD; update it; expect HEAD to return the new ETag
            3. expect 2xx with the new text for the old ETag, an unknown one, or a change since long ago
    """
    for read in platform.operations("read"):
        for path in (read.path, *(page.url for page in platform.pages("full", read, 2)[1:] if page.ok)):
            reply = platform.as_role("full", read, [UNKNOWN_ETAG], path=path)
            expect_success(reply, f"for {path} with an unknown ETag in If-None-Match")
    for resource in platform.resources_with("create", "item", "update"):
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        old = platform.as_role("full", read).headers.get("etag")
        platform.as_role("full", read, method="HEAD")
        update = platform.operation(resource, "update", slug)
        expect_success(platform.as_role("full", update))
        present = platform.as_role("full", read)
        stale = old if old != present.headers.get("etag") else None
        head = platform.as_role("full", read, method="HEAD")
        if stale and head.ok and head.headers.get("etag") == stale:
            expected = f"ETag: {present.headers.get('etag')} for HEAD, as for GET"
            raise NonConformance(expected, f"ETag: {stale}, as before the update", present, head)
        changed = ("If-Modified-Since", present.headers.get("last-modified") or formatdate(usegmt=True))
        conditions = [[("If-None-Match", stale)]] if stale else []
        for fields in [*conditions, [UNKNOWN_ETAG], [UNKNOWN_ETAG, changed], [("If-Modified-Since", LONG_AGO)]]:
            reply = platform.as_role("full", read, fields)
            expect_status(reply, present.status, f"for {' and '.join(f'{name}: {value}' for name, value in fields)}")
            for text in (each for each in (update.document or {}).values() if isinstance(each, str)):
                if shows(present, text) and not shows(reply, text):
                    raise NonConformance(f"{worded(text)}, as last written", reply.text[:300], present, reply)


# The fields of RFC 9110 section 15.4.5 except Date, which a server without a clock omits.
FIELDS_IN_304 = ("ETag", "Cache-Control", "Content-Location", "Expires", "Vary")


@verifies("errors/reads/304-header-fields#fields")
def test_304_has_the_fields_of_200(platform: Platform) -> None:
    """Purpose: a cache learns from each 304 which version it has, and how long it may store that.
    Method: 1. read an item with its ETag in If-None-Match
            2. expect 304 with those of ETag, Cache-Control, Content-Location, Expires and Vary that 200 has
            3. expect the same ETag, W/ aside, and no permission for shared caches
    """
    for read, first, reply in not_modified(platform):
        expect_not_shared(reply)
        missing = [name for name in FIELDS_IN_304 if name in first.headers and name not in reply.headers]
        if missing:
            raise NonConformance("304 with the fields that 200 has", f"304 without {', '.join(missing)}", first, reply)
        tag, seen = (str(each.headers.get("etag")).removeprefix("W/") for each in (first, reply))
        if seen != tag and first.headers.get("etag") == platform.as_role("full", read).headers.get("etag"):
            raise NonConformance(f"304 with ETag: {tag}, as in If-None-Match", f"ETag: {seen}", first, reply)


@verifies("errors/reads/304-header-fields#content-length")
def test_304_has_no_content_length_of_0(platform: Platform) -> None:
    """Purpose: a cache updates the length of its copy from a 304 (RFC 9111 section 3.2).
    Method: 1. read an item with its ETag in If-None-Match; 2. expect no Content-Length: 0 in a 304 response
    """
    for _, first, reply in not_modified(platform):
        if reply.headers.get("content-length") == "0" and first.body:
            expected = "304 without Content-Length, or with that of 200"
            raise NonConformance(expected, "304 with Content-Length: 0", reply)


@verifies("errors/reads/if-none-match-forms")
@pytest.mark.parametrize("template", [case("weak", "W/{etag}"), case("list", '"cf-unknown", {etag}'), case("any", "*")])
def test_if_none_match_takes_every_form(platform: Platform, template: str) -> None:
    """Purpose: a client may have copies of several versions, or any, and compression makes ETags weak.
    Method: 1. read an item with If-None-Match: its strong ETag made weak, a list with its ETag, or *; 2. expect 304
    """
    judged = False
    for read, first, _ in not_modified(platform):
        etag = strong_etag(first) if template.startswith("W/") else first.headers.get("etag") or ""
        if etag is not None:
            judged, value = True, template.replace("{etag}", etag)
            reply = platform.as_role("full", read, [("If-None-Match", value)])
            expect_status(reply, 304, f"for If-None-Match: {value}")
    if not judged:
        raise NotApplicable("no item has a strong ETag")


def with_if_match(platform: Platform) -> list[Resource]:
    """Return the resources that declare If-Match for their updates; NotDeclared if there is none."""
    found = [
        each
        for each in platform.resources_with("create", "item", "update")
        if each.update and each.update.concurrency == "If-Match"
    ]
    if not found:
        reason = "no resource declares If-Match as its update.concurrency"
        raise NotDeclared(reason, "identity.resources.update.concurrency")
    return found


@verifies("errors/409/version-names-one-state#write-response")
def test_etag_of_a_write_names_the_new_state(platform: Platform) -> None:
    """Purpose: a client that has just written an item can update it again without a read.
    Method: 1. create an item, update it three times with the last response's strong ETag; 2. expect 2xx each time
    """
    judged = False
    for resource in with_if_match(platform):
        slug = platform.names.new()
        reply = platform.create(resource, slug)
        expect_success(reply, "for a new item")
        for _ in range(3):
            etag = strong_etag(reply)
            if etag is None:
                break
            judged = True
            update = platform.operation(resource, "update", slug)
            reply = platform.as_role("full", update, [("If-Match", etag)])
            expect_success(reply, f"for an update with the ETag {etag} of the previous response")
    if not judged:
        raise NotApplicable("no response to a write has a strong ETag")


@verifies("errors/409/version-names-one-state#recreated-item")
def test_recreated_item_has_another_etag(platform: Platform) -> None:
    """Purpose: a client must not overwrite a new item with the name of the one it has read.
    Method: 1. read an item; delete it, create another of its name, change its text; 2. expect another strong ETag
    """
    judged = False
    for resource in with_if_match(platform):
        if not resource.delete:
            continue
        slug = platform.new_item(resource)
        read = platform.operation(resource, "read-item", slug)
        first = platform.as_role("full", read)
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        operation = platform.operation(resource, "create", slug)
        made = platform.as_role("full", operation, document=operation.reworded("{} made again".format))
        if made.status == 409:
            continue  # The service never reuses a name.
        expect_success(made)
        second = platform.as_role("full", read)
        if not strong_etag(first) or not strong_etag(second) or first.body == second.body:
            continue
        judged = True
        if strong_etag(first) == strong_etag(second):
            expected = f"another ETag than {strong_etag(first)}, which was that of other content"
            raise NonConformance(expected, f"ETag: {strong_etag(second)}", first, second)
    if not judged:
        raise NotApplicable("no item that can be deleted has a strong ETag")


def updates(platform: Platform) -> list[tuple[Operation, str]]:
    """Return an update of a new item of each resource that declares If-Match, with the item's strong ETag."""
    found = []
    for resource in platform.resources_with("create", "item", "update"):
        if resource.update and resource.update.concurrency == "If-Match":
            slug = platform.new_item(resource)
            etag = platform.as_role("full", platform.operation(resource, "read-item", slug)).headers.get("etag") or ""
            if etag.startswith('"'):
                found.append((platform.operation(resource, "update", slug), etag))
    if not found:
        reason = "no resource declares If-Match as its update.concurrency and shows a strong ETag"
        raise NotDeclared(reason, "identity.resources.update.concurrency")
    return found


@verifies("errors/409/if-match-forms")
@pytest.mark.parametrize(
    "templates",
    [
        case("list", ['"cf-unknown", {etag}']),
        case("lines", ['"cf-unknown"', "{etag}"]),
        case("lines-reversed", ["{etag}", '"cf-unknown"']),
        case("any", ["*"]),
        case("empty-element", [", {etag}"]),
        case("weak", ["W/{etag}"]),
    ],
)
def test_if_match_forms(platform: Platform, templates: list[str]) -> None:
    """Purpose: a client may name several versions, or any; a weak ETag is not enough to overwrite an item.
    Method: 1. update an item with its ETag in a list or in one of two field lines, with *, or with its ETag made weak
            2. expect 2xx (400 for two lines or an empty element passes, as proxies refuse them)
            3. for the weak one expect 409 or 412, and the item unchanged
    """
    by_proxy = {400} if len(templates) > 1 or templates[0].startswith(",") else set()
    statuses = {409, 412} if templates[0].startswith("W/") else {*range(200, 300), *by_proxy}
    for operation, etag in updates(platform):
        before = platform.state(operation)
        fields = [("If-Match", each.replace("{etag}", etag)) for each in templates]
        reply = platform.as_role("full", operation, fields)
        expect_status(reply, statuses, f"for {' and '.join(f'{name}: {value}' for name, value in fields)}")
        if not reply.ok:
            expect_unchanged(before, platform.state(operation), reply)


MISSING_BYTES = 10
SendRefused = Callable[[Platform, Operation], Exchange | None]


def _name_taken(platform: Platform, update: Operation) -> Exchange | None:
    if not update.resource.unique:
        return None
    create = platform.operation(update.resource, "create", platform.slug_of(update))
    return platform.as_role("full", create, document=create.reworded("{} 2".format))


def _forbidden_role(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    role = next((each for each in (declared.forbidden_to if declared else ()) if platform.oauth.has(each)), None)
    return platform.as_role(role, update) if role else None


def _invalid_json(platform: Platform, update: Operation) -> Exchange:
    return platform.with_body(update, update.body[:-1])


def _unknown_version(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    by_field = declared and declared.concurrency == "If-Match"
    return platform.as_role("full", update, [("If-Match", '"cf-unknown"')]) if by_field else None


def _aborted(platform: Platform, update: Operation) -> Exchange:
    caller = BreakingOff(platform.http)
    length = ("Content-Length", str(len(update.body) + MISSING_BYTES))
    fields = [("Host", caller.host()), update.type_field, bearer(platform.oauth.token("full")), length]
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields)
    return caller.send_beginning(f"{update.method} {caller.target(update.path)} HTTP/1.1{lines}".encode(), update.body)


def _accepted_without_refusal(platform: Platform, resource: Resource) -> bool:
    """Return whether an update of another item is accepted that had no refused request before."""
    slug = platform.new_item(resource)
    update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
    return platform.as_role("full", update, fields).ok


REFUSED: dict[str, tuple[str, SendRefused]] = {
    "refused-name-taken": ("a creation with its name", _name_taken),
    "refused-role": ("an update by a role without the right", _forbidden_role),
    "refused-invalid-json": ("an update with invalid JSON", _invalid_json),
    "refused-unknown-version": ("an update from an unknown version", _unknown_version),
    "refused-aborted": ("an aborted update", _aborted),
}


@verifies("errors/409/version-changes-only-with-updates")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_request_changes_no_version(platform: Platform, name: str) -> None:
    """Purpose: a refused request must leave no new version and no lock that make a valid update fail.
    Method: 1. read an item's version; send a request that is refused; 2. update the item from that version; expect 2xx
    """
    description, refuse = REFUSED[name]
    judged = False
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
        refused = refuse(platform, platform.operation(resource, "update", slug))
        if refused is not None and not refused.ok:
            judged = True
            reply = platform.as_role("full", update, fields)
            after = (
                f", after {description}, which was refused"
                if reply.ok or _accepted_without_refusal(platform, resource)
                else ""
            )
            expect_success(reply, f"for an update from the current version{after}")
    if not judged:
        raise NotApplicable(f"this target does not refuse {description}")
