"""Conditional requests (RFC 9110 section 13), for reads, writes and the source of a copy."""

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
    """Return the seconds since the epoch of an HTTP date in one of its three forms; None if it is malformed."""
    for form in _FORMS:
        try:
            return int(datetime.strptime(value.strip(), form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return None


def listed_tags(value: str) -> list[tuple[bool, str]]:
    """Return the entity tags of a list, each with whether it is weak; S3 also accepts them without quotes."""
    return [(weak == "W/", quoted or bare) for weak, quoted, bare in _TAG.findall(value)]


@dataclass(frozen=True)
class Conditions:
    """The conditions of a request, without malformed dates."""

    match: str | None
    none_match: str | None
    modified_since: int | None
    unmodified_since: int | None

    @classmethod
    def of(cls, headers: Headers, prefix: str = "") -> Conditions:
        """Return the conditions of a request, or with a prefix those on a copy's source."""
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
        """Return 304 or 412 if a condition requires it, else None."""
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
        """Evaluate If-Match by strong comparison."""
        if found is None or value.strip() == "*":
            return found is not None
        return (False, found.etag) in listed_tags(value)

    def none_match_holds(self, value: str, found: StoredObject | None) -> bool:
        """Evaluate If-None-Match by weak comparison."""
        if found is None or value.strip() == "*":
            return found is None
        return found.etag not in [tag for _, tag in listed_tags(value)]

    def modified_since_holds(self, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified > date

    def unmodified_since_holds(self, date: int, found: StoredObject | None) -> bool:
        return found is None or found.modified <= date

    def range_condition_holds(self, value: str | None, found: StoredObject) -> bool:
        """Evaluate If-Range (RFC 9110 section 13.1.5): a strong entity tag or the exact date of the object."""
        if value is None:
            return True
        date = http_date(value)
        return found.modified == date if date is not None else listed_tags(value) == [(False, found.etag)]
