"""Header fields: presence, values, directives, challenges (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urljoin, urlsplit

from conformance.clients.registry.challenges import QUOTED, TOKEN, TOKEN68, Challenge, challenges
from conformance.oracles.status import observed, unlike_field
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, forbidden_value, literal, wrong_body, wrong_field
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
"""An address with a well-formed host and port, or without a host, as a POSIX extended regular expression."""
HOSTLESS = re.compile(r"(https?:)?//([:/?#]|\Z)|https?:(?!//)", re.IGNORECASE)
PARAMETER = re.compile(rf"{TOKEN.pattern}[ \t]*=[ \t]*(?:{TOKEN.pattern}|{QUOTED.pattern})")
SCHEME = re.compile(rf"{TOKEN.pattern}[ \t]+{PARAMETER.pattern}|{TOKEN.pattern}(?:[ \t]+{TOKEN68.pattern})?")
ELEMENT = re.compile(rf"{PARAMETER.pattern}|{SCHEME.pattern}")
BETWEEN = re.compile(r"[ \t,]*")


def expect_header(reply: Exchange, name: str, value: str | None = None) -> str:
    """Expect a header field, with exactly this value if one is given; return the value."""
    found = reply.headers.get(name)
    if found is None:
        raise NonConformance(
            f"a {name} field", f"{reply.status} without {name}", reply, deviation=wrong_field(name, "^")
        )
    if value is not None and found != value:
        raise unlike_field(f"{name}: {value}", reply, name, value)
    return found


def strong_etag(reply: Exchange) -> str | None:
    """Return the ETag of a response if it is strong."""
    etag = reply.headers.get("etag")
    return etag if etag and etag.startswith('"') else None


def expect_allowed(reply: Exchange, refused: str, declared: set[str]) -> None:
    """Expect Allow in a 405 response (RFC 9110 section 15.5.6), with the declared methods and not the refused one."""
    got = reply.headers.get("allow")
    allowed = [each.strip() for each in (got or "").split(",")]
    wanted = sorted(declared - {refused})
    missing = next((each for each in wanted if each not in allowed), None)
    if reply.status == 405 and (missing or refused in allowed):
        expected = f"405 with Allow: {', '.join(wanted)} and not {refused}"
        lacks = got and not missing
        named = f"(^|[, ]){missing} *(,|$)"
        deviation = forbidden_value("Allow", str(got)) if lacks else wrong_field("Allow", named)
        shown = "405 without Allow" if got is None else f"405 with Allow: {got}"
        raise NonConformance(expected, shown, reply, deviation=deviation)


def expect_absent_headers(reply: Exchange, names: Iterable[str], because: str = "") -> None:
    """Expect none of the fields."""
    for name in names:
        if name in reply.headers:
            raise unlike_field(f"no {name} {because}".strip(), reply, name)


def expect_end_after_head(reply: Exchange) -> None:
    """Expect the response to end after its header section (RFC 9112 section 6.3), as read from the wire."""
    if reply.body:
        expected, deviation = "a response that ends after its header section", wrong_body(lacks=".")
        got = f"{reply.status} with {len(reply.body)} bytes after the header section: {worded(reply.body[:60])}"
        raise NonConformance(expected, got, reply, deviation=deviation)


def address_parts(reply: Exchange, address: str) -> SplitResult:
    """Return the parts of an address in a response; it may be relative to the request's (RFC 3986 section 4.1).

    An address with a scheme needs a host (RFC 9110 section 4.2.1), though some clients insert their own.
    """
    try:
        if HOSTLESS.match(address):
            raise ValueError("no host")
        parts = urlsplit(urljoin(reply.url, address))
        _ = parts.port
    except ValueError as mistake:
        name = next((name for name, value in reply.headers if value == address), None)
        deviation = wrong_field(name, ADDRESS) if name else None
        got = f"{address} ({mistake})"
        raise NonConformance("a valid URI reference (RFC 3986)", got, reply, deviation=deviation) from None
    return parts


def expect_directive(reply: Exchange, name: str, directive: str) -> None:
    """Expect a directive in a list field such as ``Cache-Control``, compared without case."""
    found = reply.headers.get(name) or ""
    directives = {part.strip().split("=", 1)[0].lower() for part in found.split(",")}
    if directive.lower() not in directives:
        got = f"{name}: {found}" if found else f"no {name} field"
        deviation = wrong_field(name, f"(^|[, ]){literal(directive)} *(=|,|$)")
        raise NonConformance(f"{name} with {directive}", got, reply, deviation=deviation)


def expect_not_shared(reply: Exchange) -> None:
    """Expect that no shared cache may reuse a response to a request with credentials (RFC 9111 sections 3.5, 4.2)."""
    value = (reply.headers.get("cache-control") or "").lower()
    directives = (each.partition("=") for each in value.split(","))
    got = {name.strip(): lifetime.strip(' "') for name, _, lifetime in directives}
    # The freshness lifetime; with "public" alone the cache chooses it.
    lifetime = got.get("s-maxage", got.get("max-age", "" if "public" in got else "0"))
    shared = {"public", "s-maxage", "must-revalidate"} & got.keys()
    if shared and lifetime != "0" and not {"private", "no-store", "no-cache"} & got.keys():
        deviation = forbidden_value("Cache-Control", value)
        raise NonConformance(
            "a response that shared caches must not reuse",
            f"{reply.status} with Cache-Control: {value}",
            reply,
            deviation=deviation,
        )


def expect_no_credentialed_cors(reply: Exchange, origin: str) -> None:
    """Expect no CORS access with credentials for an unknown origin (Fetch standard, CORS protocol)."""
    allowed, credentials = (
        (reply.headers.get(f"access-control-allow-{what}") or "").strip() for what in ("origin", "credentials")
    )
    if allowed == origin and credentials == "true":
        deviation = forbidden_value("Access-Control-Allow-Origin", origin)
        got = f"Access-Control-Allow-Origin: {allowed} with Access-Control-Allow-Credentials: true"
        raise NonConformance(
            f"no CORS access with credentials for the origin {origin}", got, reply, deviation=deviation
        )


def clock_of(reply: Exchange) -> float:
    """Return the time of a response by its Date, or by this machine's clock if it has none."""
    got = seconds_of_date(reply.headers.get("date") or "")
    return reply.started if got is None else got


def now_nearest(when: float, reply: Exchange) -> float:
    """Return the time of a response by this machine or by its Date, whichever is nearer to ``when``."""
    return min(reply.started, clock_of(reply), key=lambda now: abs(now - when))


def expect_retry_after(reply: Exchange, longest_s: int, bound: str) -> None:
    """Expect Retry-After as a date or in seconds (RFC 9110 section 10.2.3), at most this long (``bound``: in words).

    A date is compared with the Date of the response, whose clock may differ from this machine's.
    """
    name, value = "Retry-After", (reply.headers.get("retry-after") or "").strip()
    seconds, at = whole_number(value), seconds_of_date(value) if value.endswith(" GMT") else None
    forbidden = forbidden_value(name, value)
    if seconds is None and at is None:
        # An impossible date, or no date at all.
        form = wrong_field(name, "^[0-9]+$| GMT$")
        deviation = forbidden if value.endswith(" GMT") else form
        raise NonConformance(
            f"{name} in seconds or as a date",
            f"{name}: {value}" if value else f"{reply.status} without {name}",
            reply,
            deviation=deviation,
        )
    if at is not None:
        seconds = round(at - (seconds_of_date(reply.headers.get("date") or "") or at))
    if seconds is not None and seconds > longest_s:
        raise NonConformance(f"{name} {bound}", f"{name}: {value}", reply, deviation=forbidden)


def expect_media_type(reply: Exchange, *accepted: str) -> None:
    """Expect one of these media types; parameters and case do not matter (RFC 9110 section 8.3.1)."""
    if reply.media_type not in accepted:
        deviation = wrong_field("Content-Type", f"^({'|'.join(map(literal, accepted))}) *(;|$)")
        got = field_of(reply, "Content-Type")
        raise NonConformance(f"Content-Type: {' or '.join(accepted)}", got, reply, deviation=deviation)


def expect_challenge(reply: Exchange, scheme: str) -> Challenge:
    """Expect a challenge of this scheme, compared without case; return it."""
    offered = challenges(reply)
    for challenge in offered:
        if challenge.scheme == scheme.lower():
            return challenge
    value = reply.headers.get("www-authenticate")
    got = f"WWW-Authenticate: {value}" if value else "no WWW-Authenticate field"
    deviation = wrong_field("WWW-Authenticate", f"(^|[, ]){scheme}( |,|$)")
    raise NonConformance(f"WWW-Authenticate: {scheme} …", got, reply, deviation=deviation)


def expect_challenge_error(reply: Exchange, code: str) -> None:
    """Expect a challenge with this ``error`` (RFC 6750 section 3.1)."""
    if code not in [each.parameters.get("error") for each in challenges(reply)]:
        got = field_of(reply, "WWW-Authenticate")
        expected, seen = ("a refusal with ", f"{observed(reply)}, ") if reply.ok else ("", "")
        deviation = wrong_field("WWW-Authenticate", f'error *= *"?{code}')
        raise NonConformance(f'{expected}a challenge with error="{code}"', f"{seen}{got}", reply, deviation=deviation)


def expect_readable_challenges(reply: Exchange) -> None:
    """Expect each WWW-Authenticate to be a list of schemes and parameters with closed quotes (RFC 9110 11.6.1)."""
    for value in reply.headers.all("www-authenticate"):
        if not _is_list_of_challenges(value):
            expected = 'WWW-Authenticate: Scheme name="text", name=word'
            deviation = forbidden_value("WWW-Authenticate", value)
            raise NonConformance(expected, f"WWW-Authenticate: {value}", reply, deviation=deviation)


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
    """Expect each attribute of a Bearer challenge at most once, with permitted characters (RFC 6750 section 3).

    Commas separate them (RFC 9110 section 11.2), and nothing else is in the field.
    """
    expect_readable_challenges(reply)
    for challenge in challenges(reply):
        if challenge.scheme != "bearer":
            continue
        value = reply.headers.get("www-authenticate") or ""
        shown, deviation = f"WWW-Authenticate: {value}", forbidden_value("WWW-Authenticate", value)
        for name in sorted(challenge.repeated & ONCE):
            raise NonConformance(f"{name} at most once in the Bearer challenge", shown, reply, deviation=deviation)
        for name, permitted in ATTRIBUTES.items():
            if not permitted.match(challenge.parameters.get(name, "")):
                raise NonConformance(
                    f"only permitted characters in the {name} of the Bearer challenge",
                    shown,
                    reply,
                    deviation=deviation,
                )


def expect_absolute_realm(reply: Exchange, realm: str) -> None:
    """Expect an absolute URL as the realm of a Bearer challenge."""
    if not realm.lower().startswith(("http://", "https://")) or not address_parts(reply, realm).netloc:
        deviation = wrong_field("WWW-Authenticate", 'realm="?https?://[^/"]')
        raise NonConformance(
            "an absolute URL as the realm", field_of(reply, "WWW-Authenticate"), reply, deviation=deviation
        )
