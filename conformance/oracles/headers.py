"""Header fields: presence, values, directives, challenges (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import SplitResult, urljoin, urlsplit

from conformance.clients.registry.challenges import QUOTED, TOKEN, TOKEN68, Challenge, challenges
from conformance.oracles.proofs import above, field_lacks, field_matches, field_says_no
from conformance.oracles.status import observed, unlike_field
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.values import seconds_of_date, whole_number
from conformance.vocabulary.wording import field_of, worded

# The characters of the attributes of a Bearer challenge (RFC 6750 section 3).
ATTRIBUTES = {
    "scope": re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*\Z"),
    "error": re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*\Z"),
    "error_description": re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*\Z"),
    "error_uri": re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*\Z"),
}
ONCE = {"realm", *ATTRIBUTES}
ADDRESS = r"^([a-z][a-z0-9+.-]*:)?//(\[[0-9a-f:.]+\]|[^][/?#:]+)(:[0-9]{0,5})?([/?#].*)?$|^(/([^/]|$)|[^/:][^:]*$|$)"
"""An address whose host and port are in form, or one that names none, as a POSIX extended regular expression."""
HOSTLESS = re.compile(r"(https?:)?//([:/?#]|\Z)|https?:(?!//)", re.IGNORECASE)
PARAMETER = re.compile(rf"{TOKEN.pattern}[ \t]*=[ \t]*(?:{TOKEN.pattern}|{QUOTED.pattern})")
SCHEME = re.compile(rf"{TOKEN.pattern}[ \t]+{PARAMETER.pattern}|{TOKEN.pattern}(?:[ \t]+{TOKEN68.pattern})?")
ELEMENT = re.compile(rf"{PARAMETER.pattern}|{SCHEME.pattern}")
BETWEEN = re.compile(r"[ \t,]*")


def expect_header(reply: Exchange, name: str, value: str | None = None, or_statuses: Iterable[int] = ()) -> str:
    """The field is there, with exactly this value where one is given; returns the value.

    ``or_statuses``: with which others an answer would be right without it.
    """
    found = reply.headers.get(name)
    if found is None:
        proof = replace(_matching(reply, name, "^"), or_statuses=tuple(or_statuses))
        raise NonConformance(f"the field {name}", f"{reply.status} without one", reply, proof=proof)
    if value is not None and found != value:
        raise unlike_field(f"{name}: {value}", reply, name, value)
    return found


def strong_etag(reply: Exchange) -> str | None:
    """Return the ETag of a response if it is strong."""
    etag = reply.headers.get("etag")
    return etag if etag and etag.startswith('"') else None


def expect_allowed(reply: Exchange, refused: str, declared: set[str]) -> None:
    """405 has Allow (RFC 9110 section 15.5.6), with the declared methods and without the refused one."""
    told = reply.headers.get("allow")
    allowed = [each.strip() for each in (told or "").split(",")]
    wanted = sorted(declared - {refused})
    missing = next((each for each in wanted if each not in allowed), None)
    if reply.status == 405 and (missing or refused in allowed):
        expected = f"405 with Allow: {', '.join(wanted)}, without {refused}"
        lacks = told and not missing
        named = f"(^|[, ]){missing} *(,|$)"
        proof = field_lacks(reply, "Allow", str(told)) if lacks else field_matches(reply, "Allow", named)
        shown = "405 without it" if told is None else f"405 with Allow: {told}"
        raise NonConformance(expected, shown, reply, proof=proof)


def expect_absent_headers(
    reply: Exchange, names: Iterable[str], because: str = "", or_refused: Exchange | None = None
) -> None:
    """None of the fields is there; ``or_refused``: of a write that could as well have been refused."""
    for name in names:
        if name in reply.headers:
            raise unlike_field(f"no {name} {because}".strip(), reply, name, or_refused=or_refused)


def expect_bare(reply: Exchange) -> None:
    """The answer ended with its head (RFC 9112 section 6.3), as it was read from the wire."""
    if reply.body:
        wanted, proof = "an answer that ends with its head", Proof(beyond="curl passes over what comes behind the head")
        told = f"{len(reply.body)} bytes behind it: {worded(reply.body[:60])}"
        raise NonConformance(wanted, told, reply, proof=proof)


def address_parts(reply: Exchange, address: str) -> SplitResult:
    """The parts of an address in an answer, which may be relative to that of the request (RFC 3986 section 4.1).

    One with a scheme has a host as well (RFC 9110 section 4.2.1), though some clients read their own into it.
    """
    try:
        if HOSTLESS.match(address):
            raise ValueError("no host")
        parts = urlsplit(urljoin(reply.url, address))
        _ = parts.port
    except ValueError as mistake:
        name = next((name for name, value in reply.headers if value == address), None)
        proof = field_matches(reply, name, ADDRESS) if name else None
        told = f"{address} ({mistake})"
        raise NonConformance("an address in the form of RFC 3986", told, reply, proof=proof) from None
    return parts


def expect_directive(reply: Exchange, name: str, directive: str) -> None:
    """A list field (``Cache-Control``) contains a directive, compared without case."""
    found = reply.headers.get(name) or ""
    directives = {part.strip().split("=", 1)[0].lower() for part in found.split(",")}
    if directive.lower() not in directives:
        told = f"{name}: {found}" if found else f"no {name} field"
        proof = _matching(reply, name, f"(^|[, ]){re.escape(directive)} *(=|,|$)")
        raise NonConformance(f"{name} with {directive}", told, reply, proof=proof)


def expect_not_shared(reply: Exchange) -> None:
    """No shared cache may give the answer to a login to others unasked (RFC 9111 sections 3.5 and 4.2)."""
    value = (reply.headers.get("cache-control") or "").lower()
    directives = (each.partition("=") for each in value.split(","))
    told = {name.strip(): lifetime.strip(' "') for name, _, lifetime in directives}
    # For how long it is given without asking; "public" alone leaves that to the cache.
    lifetime = told.get("s-maxage", told.get("max-age", "" if "public" in told else "0"))
    shared = {"public", "s-maxage", "must-revalidate"} & told.keys()
    if shared and lifetime != "0" and not {"private", "no-store", "no-cache"} & told.keys():
        proof = field_lacks(reply, "Cache-Control", value)
        raise NonConformance("no answer for shared caches", f"Cache-Control: {value}", reply, proof=proof)


def expect_no_origin_let_in(reply: Exchange, origin: str) -> None:
    """No page of a strange origin may read the answer with its user's credentials (Fetch standard, CORS protocol)."""
    allowed, credentials = (
        (reply.headers.get(f"access-control-allow-{what}") or "").strip() for what in ("origin", "credentials")
    )
    if allowed == origin and credentials == "true":
        proof = field_lacks(reply, "Access-Control-Allow-Origin", origin)
        told = f"Access-Control-Allow-Origin: {allowed} with Access-Control-Allow-Credentials: true"
        raise NonConformance(f"nothing that lets the origin {origin} in with credentials", told, reply, proof=proof)


def clock_of(reply: Exchange) -> float:
    """When it was answered by its Date, of the clock that wrote its other times as well; by ours if it has none."""
    told = seconds_of_date(reply.headers.get("date") or "")
    return reply.started if told is None else told


def now_nearest(when: float, reply: Exchange) -> float:
    """When it was answered, by our clock or by its Date, whichever is nearer to ``when``: whose is wrong is open."""
    return min(reply.started, clock_of(reply), key=lambda now: abs(now - when))


def expect_retry_after(reply: Exchange, longest_s: int, told: str) -> None:
    """Retry-After is a date or a number of seconds (RFC 9110 section 10.2.3), and no longer: ``told`` names how long.

    A date is compared with the Date of the answer, which may not be of our clock.
    """
    name, value = "Retry-After", (reply.headers.get("retry-after") or "").strip()
    seconds, at = whole_number(value), seconds_of_date(value) if value.endswith(" GMT") else None
    if seconds is None and at is None:
        # A day that there is not, or no date at all.
        form = field_matches(reply, name, "^[0-9]+$| GMT$")
        proof = field_lacks(reply, name, value) if value.endswith(" GMT") else form
        raise NonConformance(f"{name}, in seconds or as a date", f"{name} {worded(value)}", reply, proof=proof)
    proof = field_says_no(reply, name, f"^{above(longest_s)}$")
    if at is not None:
        seconds = round(at - (seconds_of_date(reply.headers.get("date") or "") or at))
        dated = ((reply.id, f"^HTTP/[0-9.]+ {reply.status}"), (reply.id, f"^{name}: .* GMT$"))
        proof = Proof(reply.id, given=dated, dates_near=((name, longest_s),))
    if seconds is not None and seconds > longest_s:
        raise NonConformance(f"{name} {told}", f"{name} {value}", reply, proof=proof)


def expect_media_type(reply: Exchange, *accepted: str) -> None:
    """The Content-Type is one of these; parameters and case do not matter (RFC 9110 section 8.3.1)."""
    if reply.media_type not in accepted:
        proof = _matching(reply, "Content-Type", f"^({'|'.join(map(re.escape, accepted))}) *(;|$)")
        told = field_of(reply, "Content-Type")
        raise NonConformance(f"Content-Type: {' or '.join(accepted)}", told, reply, proof=proof)


def _matching(reply: Exchange, name: str, pattern: str) -> Proof:
    """The proof that a field would be right which matches a POSIX extended regular expression."""
    return field_matches(reply, name, pattern.replace("\\-", "-"))


def expect_challenge(reply: Exchange, scheme: str) -> Challenge:
    """One of the challenges is of this scheme, compared without case; returns it."""
    offered = challenges(reply)
    for challenge in offered:
        if challenge.scheme == scheme.lower():
            return challenge
    value = reply.headers.get("www-authenticate")
    told = f"WWW-Authenticate: {value}" if value else "no WWW-Authenticate field"
    proof = _matching(reply, "WWW-Authenticate", f"(^|[, ]){scheme}( |,|$)")
    raise NonConformance(f"WWW-Authenticate: {scheme} …", told, reply, proof=proof)


def expect_error_told(reply: Exchange, code: str) -> None:
    """One of the challenges, however many there are, says by its ``error`` what is wrong (RFC 6750 section 3.1)."""
    if code not in [each.parameters.get("error") for each in challenges(reply)]:
        told = reply.headers.get("www-authenticate") or "no challenge"
        wanted, seen = ("a refusal, and ", f"{observed(reply)}, ") if reply.ok else ("", "")
        proof = field_matches(reply, "WWW-Authenticate", f'error *= *"?{code}')
        raise NonConformance(f'{wanted}a challenge with error="{code}"', f"{seen}{told}", reply, proof=proof)


def expect_readable_challenges(reply: Exchange) -> None:
    """Each WWW-Authenticate is a list of schemes and parameters, and no quotation mark stays open (RFC 9110 11.6.1)."""
    for value in reply.headers.all("www-authenticate"):
        if not _is_list_of_challenges(value):
            wanted = 'WWW-Authenticate of a scheme and, with commas between them, name="text" or name=word'
            proof = field_lacks(reply, "WWW-Authenticate", value)
            raise NonConformance(wanted, f"WWW-Authenticate: {value}", reply, proof=proof)


def _is_list_of_challenges(value: str) -> bool:
    position = 0
    while True:
        between = BETWEEN.match(value, position)
        begins = between.end() if between else position
        if begins == len(value):
            return True
        element = (ELEMENT if position else SCHEME).match(value, begins)
        if element is None or (position and "," not in value[position:begins]):
            return False
        position = element.end()


def expect_well_formed_bearer(reply: Exchange) -> None:
    """Each attribute of a Bearer challenge stands once and holds none but its own characters (RFC 6750 section 3).

    Between them stand commas (RFC 9110 section 11.2), and nothing else stands in the field.
    """
    expect_readable_challenges(reply)
    for challenge in challenges(reply):
        if challenge.scheme != "bearer":
            continue
        value = reply.headers.get("www-authenticate") or ""
        shown, proof = f"WWW-Authenticate: {value}", field_lacks(reply, "WWW-Authenticate", value)
        for name in sorted(challenge.repeated & ONCE):
            raise NonConformance(f"a Bearer challenge with {name} once at most", shown, reply, proof=proof)
        for name, permitted in ATTRIBUTES.items():
            if not permitted.match(challenge.parameters.get(name, "")):
                raise NonConformance(
                    f"a Bearer challenge whose {name} has none but its own characters", shown, reply, proof=proof
                )


def expect_absolute_realm(reply: Exchange, told: str) -> None:
    """The realm of a Bearer challenge leads to the token endpoint from wherever it is read."""
    if not told.lower().startswith(("http://", "https://")) or not address_parts(reply, told).netloc:
        proof = field_matches(reply, "WWW-Authenticate", 'realm="?https?://[^/"]')
        raise NonConformance("an absolute realm", reply.headers.get("www-authenticate") or "", reply, proof=proof)
