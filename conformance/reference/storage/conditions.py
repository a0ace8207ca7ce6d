"""Conditional requests (RFC 9110 section 13), for reads, for writes and for the source of a copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import Headers

from conformance.reference.storage.base import Gateway
from conformance.reference.storage.state import StoredObject

_FORMS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
_TAG = re.compile(r'(W/)?(?:"([^"]*)"|([^",\s]+))')


def http_date(value: str) -> int | None:
    """Seconds since the epoch of an HTTP date in one of its three forms, None where it is none."""
    for form in _FORMS:
        try:
            return int(datetime.strptime(value.strip(), form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return None


def listed_tags(value: str) -> list[tuple[bool, str]]:
    """The entity tags of a list, each with whether it is weak; S3 takes them without quotes, too."""
    return [(weak == "W/", quoted or bare) for weak, quoted, bare in _TAG.findall(value)]


@dataclass(frozen=True)
class Conditions:
    """What a request makes its execution depend on; dates that are none are left out."""

    match: str | None
    none_match: str | None
    modified_since: int | None
    unmodified_since: int | None

    @classmethod
    def of(cls, headers: Headers, prefix: str = "") -> Conditions:
        """The conditions of a request, or with a prefix those on a copy's source."""
        since, unmodified = headers.get(prefix + "if-modified-since"), headers.get(prefix + "if-unmodified-since")
        return cls(
            headers.get(prefix + "if-match"),
            headers.get(prefix + "if-none-match"),
            http_date(since) if since else None,
            http_date(unmodified) if unmodified else None,
        )


class Preconditions(Gateway):
    """Evaluates conditions in the order of RFC 9110 section 13.2.2."""

    def precondition(self, conditions: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        """The status that the conditions call for, 304 or 412, or None to go on."""
        if conditions.match is not None:
            if not self.match_holds(conditions.match, found):
                return 412
        elif conditions.unmodified_since is not None and not self.unmodified_since_holds(
            conditions.unmodified_since, found
        ):
            return 412
        if conditions.none_match is not None:
            if not self.none_match_holds(conditions.none_match, found):
                return 304 if reading else 412
        elif reading and conditions.modified_since is not None:
            return None if self.modified_since_holds(conditions.modified_since, found) else 304
        return None

    def match_holds(self, value: str, found: StoredObject | None) -> bool:
        """If-Match: strong comparison."""
        if found is None or value.strip() == "*":
            return found is not None
        return (False, found.etag) in listed_tags(value)

    def none_match_holds(self, value: str, found: StoredObject | None) -> bool:
        """If-None-Match: weak comparison."""
        if found is None or value.strip() == "*":
            return found is None
        return found.etag not in [tag for _, tag in listed_tags(value)]

    def modified_since_holds(self, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified > date

    def unmodified_since_holds(self, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified <= date

    def range_condition_holds(self, value: str | None, found: StoredObject) -> bool:
        """If-Range (RFC 9110 section 13.1.5): a strong entity tag or the exact date of the object."""
        if value is None:
            return True
        date = http_date(value)
        return found.modified == date if date is not None else listed_tags(value) == [(False, found.etag)]
