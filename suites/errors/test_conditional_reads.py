"""ETag, If-None-Match and 304 follow RFC 9110, sections 8.8, 13.1.2 and 15.4.5."""

from __future__ import annotations

import re
from email.utils import formatdate

import pytest

from conformance.oracles.documents import shows
from conformance.oracles.headers import expect_not_shared
from conformance.oracles.proofs import field_lacks, field_matches, shows_text
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.not_modified import not_modified
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.wording import worded

FORM = '^(W/)?"[^" ]*"$'
"""An entity tag, as a POSIX extended regular expression has it."""
NEVER = ("If-None-Match", '"cf-unknown"')
LONG_AGO = "Mon, 03 Jan 2000 00:00:00 GMT"


def strong(reply: Exchange) -> str | None:
    """The strong ETag of an answer."""
    etag = reply.headers.get("etag")
    return etag if etag and etag.startswith('"') else None


@verifies("errors/reads/etag-is-an-entity-tag")
def test_etag_is_an_entity_tag(platform: Platform) -> None:
    """Purpose: libraries know no version that has not its form, and then neither read nor write on condition of one.

    Method: 1. read an item of each resource
            2. where the answer has an ETag, expect it in quotes, and no blank within
    """
    judged = False
    for operation in platform.operations("read-item"):
        reply = platform.as_role("full", operation)
        if etag := reply.headers.get("etag"):
            judged = True
            if not re.fullmatch(FORM, etag):
                proof = field_matches(reply, "ETag", FORM)
                raise NonConformance('an entity tag, such as "1" in its quotes', f"ETag: {etag}", reply, proof=proof)
    if not judged:
        raise NotApplicable("no item is read with an ETag")


@verifies("errors/reads/not-modified-is-what-is-unchanged")
def test_not_modified_is_what_is_unchanged(platform: Platform) -> None:
    """Purpose: who has an old copy is not told that it is the present one.

    Method: 1. read each list, its second page where it has one, and what else is declared, if it does not match an ETag
               that it never had: expect 2xx
            2. read an item, by HEAD too; update it; where its ETag is another one then, expect HEAD to tell no more of
               the first, and read it if it does not match that
            3. expect 2xx with the text that was written last; and 2xx on condition of an ETag that it never had, the
               time of its last change beside it, which MUST then be ignored (RFC 9110 section 13.1.3), and on condition
               that it was changed since a day long before it was made
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
            told = f"ETag: {present.headers.get('etag')} for HEAD, as GET tells"
            raise NonConformance(told, f"ETag: {stale}, as before the update", present, head)
        changed = ("If-Modified-Since", present.headers.get("last-modified") or formatdate(usegmt=True))
        conditions = [[("If-None-Match", stale)]] if stale else []
        for fields in [*conditions, [NEVER], [NEVER, changed], [("If-Modified-Since", LONG_AGO)]]:
            reply = platform.as_role("full", read, fields)
            expect_status(reply, present.status, f"for {' and '.join(f'{name}: {value}' for name, value in fields)}")
            for text in (each for each in (update.document or {}).values() if isinstance(each, str)):
                if shows(present, text) and not shows(reply, text):
                    told, proof = f"{worded(text)}, as was written last", shows_text(reply, text)
                    raise NonConformance(told, reply.text[:300], present, reply, proof=proof)


# Those of RFC 9110 section 15.4.5 but Date, which a server without a clock leaves out.
TOLD_BY_304 = ("ETag", "Cache-Control", "Content-Location", "Expires", "Vary")


@verifies("errors/reads/not-modified-tells-its-fields")
def test_not_modified_tells_its_fields(platform: Platform) -> None:
    """Purpose: who keeps a copy learns with each 304 which version it has, and how long it may be kept.

    Method: 1. read an item; read it again on condition that it does not match the ETag which it has
            2. where the answer is 304, expect of ETag, Cache-Control, Content-Location, Expires and Vary those that the
               first answer had, that very ETag where each read tells the same, W/ aside, and no leave to share it,
               since a shared cache would put that beside what it has stored
    """
    for read, first, reply in not_modified(platform):
        expect_not_shared(reply)
        missing = [name for name in TOLD_BY_304 if name in first.headers and name not in reply.headers]
        if missing:
            told, proof = f"304 without {', '.join(missing)}", field_matches(reply, missing[0], ".")
            raise NonConformance("304 with the fields that 200 has", told, first, reply, proof=proof)
        tag, told = (str(each.headers.get("etag")).removeprefix("W/") for each in (first, reply))
        if told != tag and first.headers.get("etag") == platform.as_role("full", read).headers.get("etag"):
            proof = Proof(same_if_any=(("etag", first.id, reply.id),))
            raise NonConformance(f"304 with ETag: {tag}, as was asked for", f"ETag: {told}", first, reply, proof=proof)


@verifies("errors/reads/not-modified-is-of-no-length")
def test_not_modified_is_of_no_length(platform: Platform) -> None:
    """Purpose: what a copy is updated with says of it no other length than it has (RFC 9111 section 3.2).

    Method: 1. read an item; read it again on condition that it does not match the ETag which it has
            2. where the answer is 304, expect no Content-Length of nothing
    """
    for _, first, reply in not_modified(platform):
        if reply.headers.get("content-length") == "0" and first.body:
            expected = "304 without Content-Length, or with that of 200"
            raise NonConformance(
                expected, "304 with Content-Length: 0", reply, proof=field_lacks(reply, "Content-Length", "0")
            )


@verifies("errors/reads/if-none-match-is-compared-weakly")
def test_if_none_match_is_compared_weakly(platform: Platform) -> None:
    """Purpose: a copy that came through what makes ETags weak, as compression does, is known again.

    Method: 1. read an item on condition that it does not match its strong ETag; go on where the answer is 304
            2. read it on condition of that ETag made weak: expect 304
    """
    judged = False
    for read, first, _ in not_modified(platform):
        etag = strong(first)
        if etag is None:
            continue
        judged = True
        reply = platform.as_role("full", read, [("If-None-Match", f"W/{etag}")])
        expect_status(reply, 304, f"for If-None-Match: W/{etag}")
    if not judged:
        raise NotApplicable("no item tells a strong ETag")


@verifies("errors/reads/if-none-match-takes-lists-and-any")
@pytest.mark.parametrize("template", [case("list", '"cf-unknown", {etag}'), case("any", "*")])
def test_if_none_match_takes_lists_and_any(platform: Platform, template: str) -> None:
    """Purpose: who has copies of several versions, or of any, is not sent the one it has.

    Method: 1. read an item on condition that it does not match its ETag; go on where the answer is 304
            2. read it on condition that it matches neither an unknown ETag nor its own, or none at all: expect 304
    """
    for read, first, _ in not_modified(platform):
        value = template.replace("{etag}", first.headers.get("etag") or "")
        expect_status(platform.as_role("full", read, [("If-None-Match", value)]), 304, f"for If-None-Match: {value}")
