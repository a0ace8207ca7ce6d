"""How a script goes on from an answer: to the place that it names, or from where a page of a list ends now."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

from conformance.reporting.reproduce_text import word
from conformance.reporting.text import plain_xml

Entry = Mapping[str, Any]
PLACES = {
    "marker": "NextMarker",
    "key-marker": "NextKeyMarker",
    "upload-id-marker": "NextUploadIdMarker",
    "part-number-marker": "NextPartNumberMarker",
}
"""Parameters by which a page is asked for, and the element in which the page before it says their value (S3)."""
LISTS = ("tags", "repositories")
"""Members of the lists that are gone on with from their last string (OCI distribution spec, ``last``)."""
LINKED = re.compile(r"^<([^>]{8,})>")
"""What a Link leads to."""
NEXT = re.compile(r'rel *= *"?next')
BY_ITEMS = re.compile(r"[?&]last=")
INSIDE = {
    "UPLOAD": re.compile(r"<UploadId>([^<]{6,})</UploadId>"),
    "ID": re.compile(r'"id" *: *(?:"([^"]{6,})"|([0-9]{6,})(?![0-9.eE]))'),
    "PART": re.compile(r"<CopyPartResult.*<ETag>(?:&quot;|&#34;|\")?([^<&\"]{6,})"),
    "NEXT": re.compile(r"<NextContinuationToken>([^<]{6,})</NextContinuationToken>"),
}
"""What names a thing in the body of an answer, by what a script calls it."""


def address(number: int, entry: Entry, following: Sequence[Entry]) -> tuple[str, list[str]]:
    """The whole place that an answer names, where a later request goes there, and the lines that find it."""
    location = next((value for name, value in entry["response_headers"] if name.lower() == "location"), "")
    try:
        place = urljoin(entry["url"], location) if re.match(r"/(?!/)|[a-z]+://", location) else ""
    except ValueError:
        # It is no address.
        place = ""
    if not place or place == entry["url"] or not any(_leads(each["url"], place) for each in following):
        return "", []
    return place, [
        f"ADDRESS_{number}=$(address_of {number} {_origin(entry)})",
        f'[ -n "$ADDRESS_{number}" ] || cannot "answer {number} names no place"',
    ]


def found_by(field: str, number: int, entry: Entry, value: str) -> str:
    """The call that finds what a field told; a Link that was whole in the run stays so, though it be a path now."""
    whole = field.lower() == "link" and "://" in value
    return f"{field.lower()}_of {number} {_origin(entry)}" if whole else f"{field.lower()}_of {number}"


def _origin(entry: Entry) -> str:
    return shlex.quote("{0.scheme}://{0.netloc}".format(urlsplit(entry["url"])))


def stands_in(text: str, field: str, value: str) -> bool:
    """Whether a later request names what a field told; the last word of a Location that goes on there is another."""
    return value in text and (field.lower() != "location" or bool(re.search(rf"{re.escape(value)}(?![\w-])", text)))


def _leads(url: str, place: str) -> bool:
    """Whether a URL is a place, or goes on from it; one whose last word goes on is another."""
    behind = url.removeprefix(place)
    return url.startswith(place) and (behind[:1] in ("", "/", "?", "#", "&", ";") or place[-1] in "/?=&")


def inside(number: int, entry: Entry, later: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What names a thing in this answer and stands in a later request: the text, its mark, and how it is found now."""
    body = plain_xml(str(entry["response_body"].get("text", "")))
    for name, pattern in INSIDE.items():
        found = pattern.search(body)
        told = found[found.lastindex or 0] if found else ""
        for text, encoded in ((told, ""), (quote(told, safe=""), " | encoded")) if found else ():
            if any(text in each for each in later):
                yield text, f"\0{name}_{number}\0", f"{name}_{number}=$({name.lower()}_of {number}{encoded})"
                break


def by_items(entries: Collection[Entry]) -> bool:
    """Whether a page is asked for by the last item of the one before, and not by a link."""
    asked = [entry["url"] for entry in entries if BY_ITEMS.search(entry["url"])]
    fields = [value for entry in entries for name, value in entry["response_headers"] if name.lower() == "link"]
    linked = tuple(found[1] for found in map(LINKED.match, fields) if found)
    return any(not url.endswith(linked) for url in asked)


def other_pages(
    proof: Entry, exchanges: Sequence[tuple[int, Entry]], shown: int, marks: Mapping[str, str]
) -> list[str]:
    """The lines that look for what should not stand on a page on those before it as well, where it may stand now.

    Not where it stood on one of them in the run too, and was right there.
    """
    walk, target = dict[int, Entry](), dict(exchanges)[shown]["url"]
    for number, entry in reversed(exchanges):
        fields = [value for name, value in entry["response_headers"] if name.lower() == "link"]
        if number < shown and any(found and target.endswith(found[1]) for found in map(LINKED.match, fields)):
            walk, target = {number: entry, **walk}, entry["url"]
    lacks = proof.get("lacks")
    if not walk or not lacks or any(re.search(lacks, _on_one_line(each)) for each in walk.values()):
        return []
    there = word(lacks, marks)
    lines = [f"on_one_line {each} | grep -Eq {there} && shows 'body {each}'" for each in walk]
    return [*lines, f"[ -z \"$(link_of {shown})\" ] || cannot 'the list goes on behind what is read of it here'"]


def goes_on(entry: Entry) -> bool:
    """Whether a page says that another follows it."""
    links = [value for name, value in entry["response_headers"] if name.lower() == "link"]
    return any(map(NEXT.search, links)) or "<IsTruncated>true<" in _on_one_line(entry)


def _on_one_line(entry: Entry) -> str:
    return plain_xml(str(entry["response_body"].get("text", ""))).replace("\n", "")


def walks(exchanges: Sequence[tuple[int, Entry]]) -> bool:
    """Whether a page is asked for by what another says."""
    return any(
        True
        for number, entry in exchanges
        for _ in places(number, entry, [each for place, each in exchanges if place > number])
    )


def each_once(pages: Sequence[str], exchanges: Sequence[tuple[int, Entry]], numbers: dict[str, int]) -> list[str]:
    """The pages under names of their own in ``numbers``: one that was asked for again stands in the sequence again."""
    left = [(number, entry["id"]) for number, entry in exchanges if entry["id"] in pages]
    found = []
    for page in pages:
        number = next((number for number, each in left if each == page), None)
        if number is not None:
            left.remove((number, page))
            found.append(f"{page} {number}")
            numbers[found[-1]] = number
    return found


def places(number: int, entry: Entry, following: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    """What of later requests is told by this page: the text there, the text with a mark, what the mark is made by."""
    urls = [each["url"] for each in following]
    body = plain_xml(str(entry["response_body"].get("text", "")))
    for name, element in PLACES.items():
        found = re.search(f"<{element}>([^<]+)</{element}>", body)
        value = html.unescape(found[1]) if found else ""
        if "<EncodingType>url<" in body:
            value = unquote_plus(value)
        yield from _taken(
            urls, name, value, f"{name.upper().replace('-', '_')}_{number}", f"element_of {number} {element}"
        )
    for name in LISTS:
        yield from _taken(urls, "last", _last_of(body, name), f"LAST_{number}", f"last_of {number} {name}")


def _taken(urls: Sequence[str], name: str, value: str, variable: str, made: str) -> Iterator[tuple[str, str, str]]:
    for written in dict.fromkeys([quote(value, safe="-._~"), value] if value else []):
        begun = re.compile(rf"[?&]{name}={re.escape(written)}(?=&|$)")
        for found in dict.fromkeys(each[0] for url in urls for each in begun.finditer(url)):
            yield found, f"{found[: len(name) + 2]}\0{variable}\0", f"{variable}=$({made} | encoded)"


def _last_of(body: str, name: str) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    items = document.get(name) if isinstance(document, dict) else None
    return items[-1] if isinstance(items, list) and items and isinstance(items[-1], str) else ""
