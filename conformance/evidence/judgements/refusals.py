"""The form of a registry's refusals and warnings: a rare code path may break it."""

from __future__ import annotations

import json
import re

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.methods import unnamed_methods
from conformance.vocabulary.exchange import Exchange

NO_CHALLENGE, NO_LIST = "401 without a challenge", "JSON that is not a list of errors"
BROKEN = "malformed JSON"
"""Such as a response that repeats the request without escaping its quotation marks."""
UNTYPED = "a list of errors without a JSON Content-Type"
ANOTHER_REALM, MISNAMED = "a challenge with a different realm", "a challenge for another repository"
BAD_WARNING, LONG_WARNINGS = "a Warning in a different form", "more than 4096 bytes of warnings"
WARNING = r'299 - "(?:[^"\\]|\\.)*"'
"""OCI Distribution 1.1, Warnings: the code 299, the agent "-", a text, and no date."""
OF_CACHES = r'(?:11[0-3]|214) [^ ]+ "(?:[^"\\]|\\.)*"(?: "[^"]*")?'
"""Warnings that caches may add (RFC 7234 section 5.5)."""
WARNINGS = re.compile(rf"(?:{WARNING}|{OF_CACHES})(?: *, *(?:{WARNING}|{OF_CACHES}))*")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
MOST_OF_WARNINGS = 4096
"""The most bytes of their texts in one response."""
ITS_OWN = (400, 401, 403, 404, 405, 409, 416)
"""Statuses of the registry itself; a proxy in front of it may send others in its own format."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PLAIN = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._:-]*)+/?(?:\?.*)?")
"""A path that a proxy in front of the registry has no reason to refuse."""
ENDPOINT = re.compile(r"/v2/(?:_catalog|.+/(?:manifests|blobs|tags|referrers)/[^?]*)?(?:\?.*)?")
"""Paths of the registry API; others below /v2/ may be a token endpoint with OAuth errors (RFC 6749 section 5.2)."""
CODE, WORD = re.compile(r"[A-Z_]+"), re.compile("[A-Za-z]")
JSON_TYPE = re.compile(r"(?:application|text)/json|[^/]+/[^/]+\+json")
"""Media types of JSON (RFC 6839)."""
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IN_A_REPOSITORY = re.compile(rf"/v2/({COMPONENT}(?:/{COMPONENT})*)/(?:manifests|blobs|tags|referrers)/[^?]*(?:\?.*)?")
SCOPE, REPOSITORY = re.compile(r'\bscope\s*=\s*"([^"]*)"', re.IGNORECASE), re.compile(r"\brepository:[^\s:]\S*:[^\s:]*")
PLACE = re.compile(r'\b(?:realm|service)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,]+)', re.IGNORECASE)


def flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw in the form of a refusal."""
    if exchange.status == 401 and not any(map(WORD.search, exchange.headers.all("www-authenticate"))):
        return NO_CHALLENGE
    if "content-encoding" not in exchange.headers and _is_broken(exchange):
        return BROKEN
    if exchange.status not in ITS_OWN or not _is_usual(exchange, path):
        return ""
    # A 405 to an unsupported deletion needs no Allow (OCI Distribution 1.1, "Content Management").
    if exchange.method != "DELETE" and (unnamed := unnamed_methods(exchange)):
        return unnamed
    if "content-encoding" in exchange.headers or not exchange.body.lstrip().startswith(b"{"):
        return ""
    return NO_LIST if not _is_list(exchange.body) else "" if JSON_TYPE.fullmatch(exchange.media_type) else UNTYPED


def scope_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a challenge whose scopes name another repository."""
    requested = IN_A_REPOSITORY.fullmatch(path) if exchange.status == 401 else None
    scopes = [each for value in exchange.headers.all("www-authenticate") for each in SCOPE.findall(value)]
    names = [scope.split(":", 1)[1].rpartition(":")[0] for each in scopes for scope in REPOSITORY.findall(each)]
    return f"{MISNAMED}{DETAIL}{names[0]}" if requested and names and requested[1] not in names else ""


def _is_usual(exchange: Exchange, path: str) -> bool:
    return bool(exchange.method in METHODS and PLAIN.fullmatch(path) and ENDPOINT.fullmatch(path))


def realms_of(exchange: Exchange) -> str:
    """Return the realms and services of a 401's Bearer challenges; "" without one."""
    challenges = ", ".join(exchange.headers.all("www-authenticate")) if exchange.status == 401 else ""
    if "bearer" not in challenges.lower():
        return ""
    return " ".join(sorted({each.strip('"') for each in PLACE.findall(challenges)}))


def warning_flaw(exchange: Exchange) -> str:
    """Return the flaw of a response's warnings (OCI Distribution 1.1, Warnings)."""
    warnings = exchange.headers.all("warning")
    texts = "".join(text for each in warnings for text in QUOTED.findall(each))
    if not all(WARNINGS.fullmatch(each.strip()) for each in warnings):
        return BAD_WARNING
    return LONG_WARNINGS if len(texts.encode("utf-8", "surrogatepass")) > MOST_OF_WARNINGS else ""


def _is_broken(exchange: Exchange) -> bool:
    """Return whether a complete body with a JSON type is no JSON."""
    whole = exchange.headers.get("content-length") in (None, str(len(exchange.body)))
    if "json" not in exchange.media_type or not exchange.body or not whole:
        return False
    try:
        json.loads(exchange.body)
    except ValueError:
        return True
    except RecursionError:
        pass
    return False


def _is_list(body: bytes) -> bool:
    try:
        errors = json.loads(body)["errors"]
        return bool(errors) and all(
            CODE.fullmatch(each["code"]) and isinstance(each.get("message", ""), str) for each in errors
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
