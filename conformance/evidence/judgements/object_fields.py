"""The form of the header fields that describe an object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.successes import STORED
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import DATE_FORM, seconds_of_date

MALFORMED = "a malformed header field of an object"
_LENGTHS = {"crc32": "6}==", "crc32c": "6}==", "crc64nvme": "11}=", "sha1": "27}=", "sha256": "43}="}
FORMS = {
    # A multipart object's checksum may be one of the parts' checksums, and then states their number.
    **{f"x-amz-checksum-{name}": f"[A-Za-z0-9+/]{{{ends}(-[0-9]+)?" for name, ends in _LENGTHS.items()},
    "x-amz-checksum-type": "FULL_OBJECT|COMPOSITE",
    "x-amz-mp-parts-count": "[0-9]+",
    "x-amz-tagging-count": "[0-9]+",
    "last-modified": DATE_FORM.pattern,
}
"""S3 API Reference, GetObject and PutObject; RFC 9110 section 5.6.7."""


def malformed_field(exchange: Exchange, path: str) -> str:
    """Return the flaw of a response about an object with a malformed header field."""
    described = exchange.ok or exchange.status == 304
    wrong = next(_wrong(exchange), "") if described and STORED.match(path) else ""
    return f"{MALFORMED}{DETAIL}{wrong}" if wrong else ""


def _wrong(exchange: Exchange) -> Iterator[str]:
    for name, value in exchange.headers:
        form, bare = FORMS.get(name.lower()), value.strip(" \t")
        if form is None:
            continue
        no_date = name.lower() == "last-modified" and seconds_of_date(bare) is None
        if no_date or re.fullmatch(form, bare, re.ASCII) is None:
            yield f"{name}: {value:.80}"
