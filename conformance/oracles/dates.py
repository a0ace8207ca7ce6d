"""Dates in header fields (RFC 9110 section 5.6.7): their form and their distance from a time."""

from __future__ import annotations

from conformance.oracles.proofs import field_matches
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.values import DATE_FORM, seconds_of_date
from conformance.vocabulary.wording import worded

IMF_FIXDATE = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$"


def expect_http_date(reply: Exchange, name: str, near: float, within_s: float) -> float:
    """Expect a date in the form of RFC 9110 section 5.6.7 near a time; return it in seconds."""
    found = reply.headers.get(name) or ""
    if not DATE_FORM.fullmatch(found):
        got = f"{name}: {found}" if found else f"{reply.status} without {name}"
        raise NonConformance(
            f"{name} in the form Sun, 06 Nov 1994 08:49:37 GMT",
            got,
            reply,
            proof=field_matches(reply, name, IMF_FIXDATE),
        )
    seconds = seconds_of_date(found)
    if seconds is None:
        raise NonConformance(f"{name} with an existing date", f"{name}: {found}", reply)
    if abs(seconds - near) > within_s:
        got = f"{name}: {worded(found)}, {seconds - near:+.0f} s off"
        dated = seconds_of_date(reply.headers.get("date") or "")
        # The only clock that a script can use is the Date of the response.
        wrong_by_it = dated is not None and abs(seconds - dated) > within_s
        proof = Proof(reply.id, dates_near=((name, int(within_s)),)) if wrong_by_it else None
        raise NonConformance(f"{name} within {within_s:g} s of now", got, reply, proof=proof)
    return seconds
