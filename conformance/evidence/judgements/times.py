"""The dates in a registry's responses: a new storage or library may write other ones."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import DATE_FORM, seconds_of_date

DATE, MODIFIED = "Date", "Last-Modified"
NO_DATE = {name: f"a {name} that is no date of HTTP" for name in (DATE, MODIFIED)}
ANOTHER_TIME, IN_FUTURE = "a Date far from the actual time", "a Last-Modified in the future"
CLOCK_S = 900
"""The permitted difference between the clocks of suite and registry."""
STORAGE_S = 60
"""The permitted difference between the clocks of a registry and its storage."""


def date_flaw(exchange: Exchange) -> str:
    """Return the flaw of a response's dates (RFC 9110 sections 5.6.7, 6.6.1 and 8.8.2.1).

    A cached response, which has an Age, has an old Date.
    """
    dates = {name: value for name in NO_DATE if (value := exchange.headers.get(name)) is not None}
    seconds = {name: seconds_of_date(value) for name, value in dates.items() if DATE_FORM.fullmatch(value)}
    for name in dates:
        if seconds.get(name) is None:
            return NO_DATE[name]
    now, modified = seconds.get(DATE), seconds.get(MODIFIED)
    if now is None or "age" in exchange.headers:
        return ""
    if abs(now - exchange.started) > CLOCK_S:
        return ANOTHER_TIME
    return IN_FUTURE if modified is not None and modified > now + STORAGE_S else ""
