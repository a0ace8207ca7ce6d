"""Dates in header fields (RFC 9110 section 5.6.7): their form and their distance from a time."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import DATE_FORM, seconds_of_date
from conformance.vocabulary.wording import worded


def expect_http_date(reply: Exchange, name: str, near: float, within_s: float) -> float:
    """Expect a date in the form of RFC 9110 section 5.6.7 near a time; return it in seconds."""
    found = reply.headers.get(name) or ""
    if not DATE_FORM.fullmatch(found):
        got = f"{name}: {found}" if found else f"{reply.status} without {name}"
        raise NonConformance(
            f"{name} in the form Sun, 06 Nov 1994 08:49:37 GMT",
            got,
            reply,
        )
    seconds = seconds_of_date(found)
    if seconds is None:
        raise NonConformance(f"{name} with an existing date", f"{name}: {found}", reply)
    if abs(seconds - near) > within_s:
        got = f"{name}: {worded(found)}, {seconds - near:+.0f} s off"
        raise NonConformance(f"{name} within {within_s:g} s of now", got, reply)
    return seconds
