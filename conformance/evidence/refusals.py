"""The form of a registry's refusals, of whatever it was asked: what breaks it stands in those that nobody thinks of."""

from __future__ import annotations

import json
import re

from conformance.vocabulary.exchange import Exchange

NO_CHALLENGE, NO_LIST = "401 without a challenge", "JSON that is no list of errors"
ITS_OWN = (400, 401, 403, 404, 405, 409, 416)
"""Others may be said by what is in front of a registry, in words of its own."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PLAIN = re.compile(r"(?:/[A-Za-z0-9_][A-Za-z0-9._:-]*)+/?(?:\?.*)?")
"""A path that nothing in front of a registry has a reason to refuse, as it may refuse methods of none."""
CODE = re.compile(r"[A-Z_]+")


def flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with the form of an answer to a request for this path; "" where nothing is."""
    if exchange.status == 401 and "www-authenticate" not in exchange.headers:
        return NO_CHALLENGE
    usual = exchange.method in METHODS and PLAIN.fullmatch(path)
    if exchange.status not in ITS_OWN or not usual or "content-encoding" in exchange.headers:
        return ""
    return NO_LIST if exchange.body.lstrip().startswith(b"{") and not _is_list(exchange.body) else ""


def _is_list(body: bytes) -> bool:
    try:
        errors = json.loads(body)["errors"]
        return bool(errors) and all(CODE.fullmatch(each["code"]) for each in errors)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
