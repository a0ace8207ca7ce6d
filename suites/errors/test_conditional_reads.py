"""ETag, If-None-Match and 304 follow RFC 9110, sections 8.8, 13.1.2 and 15.4.5."""

from __future__ import annotations

import re
from email.utils import formatdate

import pytest

from conformance.oracles.documents import shows
from conformance.oracles.headers import expect_not_shared, strong_etag
from conformance.oracles.proofs import field_lacks, field_matches, shows_text
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

FORM = '^(W/)?"[^" ]*"$'
"""An entity tag, as a POSIX extended regular expression."""
NEVER = ("If-None-Match", '"cf-unknown"')
LONG_AGO = "Mon, 03 Jan 2000 00:00:00 GMT"


@verifies("errors/reads/etag-format")
def test_etag_is_an_entity_tag(platform: Platform) -> None:
    """Purpose: libraries do not recognize a version in another form.
    Method: 1. read an item of each resource; 2. expect an ETag to be quoted, without blanks
    """
    judged = False
    for operation in platform.operations("read-item"):
        reply = platform.as_role("full", operation)
        if etag := reply.headers.get("etag"):
            judged = True
            if not re.fullmatch(FORM, etag):
                proof = field_matches(reply, "ETag", FORM)
                raise NonConformance('a quoted entity tag, such as "1"', f"ETag: {etag}", reply, proof=proof)
    if not judged:
        raise NotApplicable("no item is read with an ETag")


@verifies("errors/reads/304-only-if-unchanged")
def test_304_only_if_unchanged(platform: Platform) -> None:
    """Purpose: a client must not keep a stale copy.
    Method: 1. read each list and its second page, if it does not match an ETag that it never had; expect 2xx
            2. read an item, also by HEAD; update it; expect HEAD to return the new ETag
            3. expect 2xx with the new text for the old ETag, an unknown one, or a change since long ago
    """
    for read in platform.operations("read"):
        for path in (read.path, *(page.url for page in platform.pages("full", read, 2)[1:] if page.ok)):
            expect_success(platform.as_role("full", read, [NEVER], path=path), f"for {path} with {': '.join(NEVER)}")
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
            told = f"ETag: {present.headers.get('etag')} for HEAD, as for GET"
            raise NonConformance(told, f"ETag: {stale}, as before the update", present, head)
        changed = ("If-Modified-Since", present.headers.get("last-modified") or formatdate(usegmt=True))
        conditions = [[("If-None-Match", stale)]] if stale else []
        for fields in [*conditions, [NEVER], [NEVER, changed], [("If-Modified-Since", LONG_AGO)]]:
            reply = platform.as_role("full", read, fields)
            expect_status(reply, present.status, f"for {' and '.join(f'{name}: {value}' for name, value in fields)}")
            for text in (each for each in (update.document or {}).values() if isinstance(each, str)):
                if shows(present, text) and not shows(reply, text):
                    told, proof = f"{worded(text)}, as last written", shows_text(reply, text)
                    raise NonConformance(told, reply.text[:300], present, reply, proof=proof)


# Those of RFC 9110 section 15.4.5 but Date, which a server without a clock omits.
IN_304 = ("ETag", "Cache-Control", "Content-Location", "Expires", "Vary")


@verifies("errors/reads/304-header-fields#fields")
def test_304_has_the_fields_of_200(platform: Platform) -> None:
    """Purpose: a cache learns from each 304 which version it has, and how long it may keep it.
    Method: 1. read an item with its ETag in If-None-Match
            2. expect 304 with those of ETag, Cache-Control, Content-Location, Expires and Vary that 200 has
            3. expect the same ETag, W/ aside, and no permission for shared caches
    """
    for read, first, reply in not_modified(platform):
        expect_not_shared(reply)
        missing = [name for name in IN_304 if name in first.headers and name not in reply.headers]
        if missing:
            told, proof = f"304 without {', '.join(missing)}", field_matches(reply, missing[0], ".")
            raise NonConformance("304 with the fields that 200 has", told, first, reply, proof=proof)
        tag, told = (str(each.headers.get("etag")).removeprefix("W/") for each in (first, reply))
        if told != tag and first.headers.get("etag") == platform.as_role("full", read).headers.get("etag"):
            proof = Proof(same_if_any=(("etag", first.id, reply.id),))
            raise NonConformance(
                f"304 with ETag: {tag}, as in If-None-Match", f"ETag: {told}", first, reply, proof=proof
            )


@verifies("errors/reads/304-header-fields#content-length")
def test_304_has_no_content_length_of_0(platform: Platform) -> None:
    """Purpose: a cache updates the length of its copy from a 304 (RFC 9111 section 3.2).
    Method: 1. read an item with its ETag in If-None-Match; 2. expect no Content-Length: 0 in a 304 response
    """
    for _, first, reply in not_modified(platform):
        if reply.headers.get("content-length") == "0" and first.body:
            expected = "304 without Content-Length, or with that of 200"
            raise NonConformance(
                expected, "304 with Content-Length: 0", reply, proof=field_lacks(reply, "Content-Length", "0")
            )


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
