"""The dates in a registry's answers, whatever was asked: a storage or a library that is exchanged writes its own."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import DATE_FORM, seconds_of_date

DATE, MODIFIED = "Date", "Last-Modified"
NO_DATE = {name: f"a {name} that is no date of HTTP" for name in (DATE, MODIFIED)}
ANOTHER_TIME, TO_COME = "a Date far from the actual time", "a Last-Modified in the future"
CLOCK_S = 900
"""How far the clocks of who asks and of who answers may be apart."""
STORAGE_S = 60
"""How far those of a registry and of its storage may be."""


def date_flaw(exchange: Exchange) -> str:
    """What is wrong with an answer's dates (RFC 9110 sections 5.6.7, 6.6.1 and 8.8.2.1); "" where nothing is.

    What a cache has kept has the Date of when it was new, and an Age.
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
    return TO_COME if modified is not None and modified > now + STORAGE_S else ""
