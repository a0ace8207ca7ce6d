"""Responses of a registry: digests, lengths, ranges, lists and links.

Sources: OCI Distribution Specification 1.1; Docker Registry HTTP API V2; RFC 8288 for links.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from conformance.clients.http import HeaderFields, address_in
from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import digest_of
from conformance.clients.registry.operations import Occasion
from conformance.oracles.headers import address_parts
from conformance.oracles.oauth import expect_json_object
from conformance.oracles.status import expect_status, listed, observed, unlike, unlike_field
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import (
    Inconclusive,
    NonConformance,
    NotApplicable,
    Unreachable,
    wrong_bytes,
    wrong_field,
    wrong_status,
)
from conformance.vocabulary.wording import differing, field_of, plural, some, worded

T = TypeVar("T")
RANGE = re.compile(r"(?:bytes=)?(\d{1,20})-(\d{1,20})")
CONTENT_RANGE = re.compile(r"bytes (\d{1,20})-(\d{1,20})/(\d{1,20}|\*)")
LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*(?:[^,;"]|"[^"]*(?:"|$))+)*)')
RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"?|([^\s;"]+))|"[^"]*"?', re.IGNORECASE)
MOST_PAGES = 200


def expect_bytes(reply: Exchange, content: bytes) -> None:
    """Expect 200 with exactly this content, and a correct Content-Length if there is one."""
    if reply.status != 200:
        raise unlike(f"200 with the {len(content)} bytes that were pushed", reply, {200})
    if reply.body != content:
        found = f"{plural(len(reply.body), 'byte')} with the digest {digest_of(reply.body)}"
        expected = f"the {len(content)} bytes that were pushed ({digest_of(content)})"
        raise NonConformance(expected, found, reply, deviation=wrong_bytes(content))
    length = reply.headers.get("content-length")
    if length is not None and length != str(len(content)):
        raise unlike_field(f"Content-Length: {len(content)}", reply, "Content-Length", str(len(content)))


def expect_bytes_decoded(reply: Exchange, content: bytes) -> None:
    """Expect 200 with exactly this content after Content-Encoding is decoded (RFC 9110 section 8.4)."""
    coding = (reply.headers.get("content-encoding") or "identity").lower()
    if reply.status != 200 or coding == "identity":
        expect_bytes(reply, content)
    elif _decoded(reply.body, coding) != content:
        expected = f"the {len(content)} bytes that were pushed ({digest_of(content)}), after {coding} decoding"
        raise NonConformance(expected, observed(reply), reply, deviation=wrong_bytes(content))


def _decoded(body: bytes, coding: str) -> bytes | None:
    """Return the decoded body; None if it is not in this coding."""
    try:
        return gzip.decompress(body) if coding in ("gzip", "x-gzip") else None
    except (OSError, EOFError, zlib.error):
        return None


def expect_bytes_or_collected(reply: Exchange, content: bytes) -> None:
    """Expect exactly these bytes of an untagged manifest, or 404: no clause says that it is preserved."""
    if reply.status != 404:
        expect_bytes(reply, content)


def expect_not_mounted(reply: Exchange, refusals: Iterable[int], because: str) -> None:
    """Expect no mount (201): an upload is opened, or the request is refused; another check covers 202."""
    if not reply.ok or reply.status == 201:
        expect_status(reply, {202, *refusals}, because)


def expect_true_digest(reply: Exchange, digest: str) -> None:
    """Expect the content's digest in Docker-Content-Digest, if the field is there."""
    found = reply.headers.get("docker-content-digest")
    if found is not None and found != digest:
        raise unlike_field(f"Docker-Content-Digest: {digest}", reply, "Docker-Content-Digest", digest)


def expect_location(reply: Exchange) -> str:
    """Expect a Location field with an address (RFC 9110 section 10.2.2); return it."""
    location = reply.headers.get("location")
    if not location:
        raise NonConformance("a Location field", f"{reply.status} without Location", reply)
    address_parts(reply, location)
    return location


def expect_range(reply: Exchange, last: int) -> None:
    """Expect ``Range: 0-last`` in an upload's response, with or without unit."""
    value = reply.headers.get("range")
    match = RANGE.fullmatch(value or "")
    if match is None or match.groups() != ("0", str(last)):
        got = f"Range: {value}" if value else f"{reply.status} without Range"
        deviation = wrong_field("Range", f"^(bytes=)?0-{last}$")
        raise NonConformance(f"Range: 0-{last}", got, reply, deviation=deviation)


def received(reply: Exchange) -> int:
    """Return how many received bytes an upload's Range field states; 0 for ``0-0`` and without the field."""
    match = RANGE.fullmatch(reply.headers.get("range") or "")
    return int(match[2]) + 1 if match and match[2] != "0" else 0


def expect_partial(reply: Exchange, content: bytes, first: int, last: int) -> None:
    """Expect 206 with exactly bytes ``first`` to ``last`` (inclusive) of the content, and their Content-Range."""
    part, place = content[first : last + 1], f"bytes {first}-{last}/{len(content)}"
    expected = f"206 with Content-Range: {place}"
    value, shown = reply.headers.get("content-range") or "", field_of(reply, "Content-Range")
    match = CONTENT_RANGE.fullmatch(value)
    if reply.status != 206 or match is None or (int(match[1]), int(match[2])) != (first, last):
        size = plural(len(reply.body), "byte")
        deviation = wrong_status([206]) if reply.status != 206 else wrong_field("Content-Range", f"^{place}$")
        raise NonConformance(expected, f"{reply.status} with {shown} and {size}", reply, deviation=deviation)
    if match[3] not in ("*", str(len(content))):
        deviation = wrong_field("Content-Range", f"^{place}$")
        raise NonConformance(expected, f"206 with {shown}", reply, deviation=deviation)
    if reply.body != part:
        wrong = wrong_bytes(part)
        raise NonConformance(f"{expected} and those bytes", "206 with different bytes", reply, deviation=wrong)


def expect_coded(reply: Exchange, content: bytes) -> None:
    """Expect an encoded response to decode to the content, and an encoded part to have the length of its Content-Range.

    Ranges apply to the encoded bytes (RFC 9110 sections 8.4 and 14.4); a part of those cannot be decoded.
    """
    if reply.status != 206:
        expect_bytes_decoded(reply, content)
        return
    match = CONTENT_RANGE.fullmatch(reply.headers.get("content-range") or "")
    if match is None or int(match[2]) - int(match[1]) + 1 != len(reply.body):
        size = plural(len(reply.body), "byte")
        got = f"206 with {field_of(reply, 'Content-Range')} and {size}"
        raise NonConformance("206 with as many encoded bytes as Content-Range states", got, reply)


def expect_same_fields(got: Exchange, head: Exchange, *names: str) -> None:
    """Expect HEAD to return the header fields of GET, without a body (RFC 9110 section 9.3.2)."""
    if head.body:
        raise NonConformance("no body in the response to HEAD", f"a body of {plural(len(head.body), 'byte')}", head)
    for name in names:
        if got.headers.get(name) != head.headers.get(name):
            raise NonConformance(f"{field_of(got, name)}, as GET returns", field_of(head, name), got, head)


def expect_content_length(head: Exchange, length: int) -> None:
    """Expect the content's length in the response to HEAD."""
    found = head.headers.get("content-length")
    if found != str(length):
        raise unlike_field(f"Content-Length: {length}", head, "Content-Length", str(length))


def strings_of(reply: Exchange, member: str) -> list[str]:
    """Return the strings under a member of a list response (``tags``, ``repositories``); null is an empty list."""
    try:
        document = reply.json()
    except ValueError:
        document = None
    found = document.get(member, 0) if isinstance(document, dict) else 0
    values = [] if found is None else found
    if reply.status != 200 or not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise NonConformance(f'200 with {{"{member}": [strings]}}', observed(reply), reply)
    return values


def expect_list(reply: Exchange, member: str, expected: Iterable[str]) -> None:
    """Expect exactly these names in a list response, in any order."""
    found, expected = strings_of(reply, member), sorted(expected)
    if sorted(found) != expected:
        raise NonConformance(f"{member} {worded(expected)}", f"{member} {worded(found)}", reply)


def expect_sorted(reply: Exchange, member: str, among: Collection[str] | None = None) -> None:
    """Expect a list, or its names ``among`` these, in lexical order: ASCII order, or alphabetical ignoring case."""
    found = [each for each in strings_of(reply, member) if among is None or each in among]
    lowered = [each.lower() for each in found]
    if found != sorted(found) and lowered != sorted(lowered):
        in_neither = (
            (one, two) for one, two in itertools.combinations(found, 2) if one > two and one.lower() > two.lower()
        )
        without_case = (pair for pair in itertools.pairwise(found) if pair[0].lower() > pair[1].lower())
        one, other = next(in_neither, None) or next(without_case)
        got = f"{worded(one)} before {worded(other)} in a list of {len(found)}"
        raise NonConformance(f"{member} in lexical order", got, reply)


def next_link(reply: Exchange) -> str | None:
    """Return the target of the link with the relation ``next`` (RFC 8288), or None; the target is an address."""
    for value in reply.headers.all("link"):
        for target, parameters in LINK.findall(value):
            if any("next" in f"{quoted}{plain}".lower().split() for quoted, plain in RELATION.findall(parameters)):
                address_parts(reply, target)
                return str(target)
    return None


def pages_from(first: Exchange, follow: Callable[[Exchange, str], Exchange]) -> list[Exchange]:
    """Return a response and the pages of its ``next`` links; a circle is a finding, too many pages Inconclusive."""
    pages, followed = [first], dict[str, bytes]()
    while (target := next_link(pages[-1])) is not None:
        if len(pages) >= MOST_PAGES:
            if len({each.body for each in pages}) == len(pages):
                raise Inconclusive(f"the list has more than {MOST_PAGES} pages", "a list with fewer pages")
            raise NonConformance("a last page without a next link", f"a next link on page {MOST_PAGES}", pages[-1])
        pages.append(follow(pages[-1], target))
        # A server may store the position, so that the same link returns a further page; the same page is a circle.
        if followed.get(target) == pages[-1].body:
            raise NonConformance(
                "a last page without a next link", f"a next link back to the same page, {target}", *pages[-2:]
            )
        followed[target] = pages[-1].body
    return pages


def expect_complete(pages: list[Exchange], member: str, expected: Iterable[str]) -> None:
    """Expect exactly these names on all pages together, each once."""
    found = [each for page in pages for each in strings_of(page, member)]
    expected = sorted(expected)
    if sorted(found) != expected:
        named = f"the {member} {worded(expected)}" if len(expected) <= 4 else _counted(len(expected), member)
        raise NonConformance(
            f"{named}, each once",
            f"{_counted(len(found), member)} on {plural(len(pages), 'page')}; {differing(expected, found)}",
            *pages,
        )


def _counted(number: int, member: str) -> str:
    """Return a number with a word for the items of a list: ``1 tag``, ``2 tags``."""
    return plural(number, "tag") if member == "tags" else f"{number} {member}"


def expect_listed(pages: list[Exchange], member: str, expected: Iterable[str]) -> None:
    """Expect these names on the pages, among others."""
    lost = set(expected) - {each for page in pages for each in strings_of(page, member)}
    if lost:
        raise NonConformance(f"all pushed {member}", f"missing: {some(lost)}", *pages)


def descriptors_of(reply: Exchange) -> list[dict[str, Any]]:
    """Return the descriptors of a response that is an image index."""
    try:
        document = reply.json()
    except ValueError:
        document = None
    found = document.get("manifests") if isinstance(document, dict) else None
    if reply.status != 200 or not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise NonConformance("200 with an image index", observed(reply), reply)
    return found


def expect_annotations(reply: Exchange, found: dict[str, Any], of: dict[str, str]) -> None:
    """Expect these annotations in the entry of a referrer; if there are none, an object or no such member."""
    got = found.get("annotations", {})
    pairs = got if isinstance(got, dict) else {}
    lacking = {name: value for name, value in of.items() if pairs.get(name) != value}
    if lacking or pairs is not got:
        expected = f"the annotations {worded(lacking)}"[:120] if of else "no annotations, or a JSON object"
        shown = {name: pairs.get(name) for name in lacking} if pairs is got else got
        raise NonConformance(expected, worded(shown)[:120], reply)


def expect_referrer(pages: list[Exchange], digest: str) -> None:
    """Expect a manifest in the list of referrers, on any page."""
    if digest not in [each.get("digest") for page in pages for each in descriptors_of(page)]:
        got = pages[0].text[:300]
        raise NonConformance(f"{digest} in the list of referrers", got, *pages)


def expect_no_referrer(pages: list[Exchange], digest: str, why: str) -> None:
    """Expect a manifest not to be in the list of referrers; ``why`` describes the manifest."""
    if digest in [each.get("digest") for page in pages for each in descriptors_of(page)]:
        raise NonConformance(f"no referrer {why}", pages[0].text[:300], *pages)


def expect_tags(repository: Repository, expected: Iterable[str], query: str = "") -> None:
    """Expect exactly these tags of a repository, each once, on any number of pages."""
    expect_complete(pages_from(repository.tags(query), repository.follow), "tags", expected)


def expect_not_stored(probes: Iterable[Exchange]) -> None:
    """Expect 404 for each of these reads: the content was refused or deleted."""
    for probe in probes:
        if probe.status != 404:
            raise unlike("404 for content that was deleted or refused", probe, {404})


def expect_denied(reply: Exchange, because: str = "", further: Iterable[int] = ()) -> None:
    """Expect 401, 403 or 404, or a further status: the caller may not do that."""
    if reply.status not in (accepted := {401, 403, 404, *further}):
        raise unlike(f"{listed(accepted)}{f' {because}' if because else ''}", reply, accepted)


def expect_scope(reply: Exchange, resource: str, *actions: str) -> None:
    """Expect a Bearer challenge for one of these actions, or "*", on a resource (``repository:orgs/acme/app``).

    Not applicable to a registry without bearer tokens.
    """
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not use bearer tokens")
    scopes = [each.rpartition(":") for each in bearer.scopes]
    expected = {each for named, _, got in scopes if named == resource for each in got.split(",")}
    if not {*actions, "*"} & expected:
        got = f"scope {worded(bearer.parameters.get('scope'))}"
        raise NonConformance(f"scope {resource}:{listed(actions)}", got, reply)


def expect_untouched(reply: Exchange, content: bytes) -> None:
    """Expect stored content to be as before a refused request."""
    if reply.status != 200 or reply.body != content:
        expected = "200 with the content stored before the refused request"
        deviation = wrong_bytes(content) if reply.status == 200 else wrong_status([200])
        raise NonConformance(expected, observed(reply), reply, deviation=deviation)


def expect_nothing_changed(operation: str, on: Occasion) -> None:
    """Expect no effect of a refused operation."""
    repository, stored, layer = on.stored.repository, on.stored, on.stored.image.blobs[-1]
    if operation in ("delete-manifest", "delete-tag"):
        expect_untouched(repository.get_manifest(stored.tag), stored.image.content)
    elif operation == "delete-blob":
        expect_untouched(repository.get_blob(layer.digest), layer.content)
    elif operation == "put-manifest":
        expect_not_stored([repository.get_manifest(on.tag)])
    elif operation == "put-manifest-by-digest":
        expect_not_stored([repository.get_manifest(on.untagged.digest)])
    elif operation == "upload-at-once":
        expect_not_stored([repository.get_blob(on.blob.digest)])


def expect_reachable(what: str, request: Callable[[], T]) -> T:
    """Expect the client to reach an address that the registry returned; return the response."""
    try:
        return request()
    except Unreachable as failure:
        expected = f"{what} that the client can reach"
        finding = NonConformance(expected, f"no connection: {failure.why}")
        finding.exchange_ids = failure.exchange_ids
        raise finding from None


def expect_no_tags(reply: Exchange) -> None:
    """Expect an empty list of tags, or 404, for a repository without tags."""
    expect_status(reply, {200, 404})
    if reply.status == 200 and expect_json_object(reply).get("tags") != []:
        raise NonConformance('"tags": []', observed(reply), reply)


def expect_bytes_at(repository: Repository, reply: Exchange, content: bytes, headers: HeaderFields = ()) -> None:
    """Expect that exactly these bytes can be pulled from the Location of a response."""
    address = address_in(reply.url, expect_location(reply))
    expect_bytes(expect_reachable("a Location", lambda: repository.pull(address, headers)), content)
