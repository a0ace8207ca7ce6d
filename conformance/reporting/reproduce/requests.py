"""Requests of a run that a person can send again, and the curl line that shows a finding by one of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import UNPRINTED, command_of, octets, secret_of, signature_scope, with_alterations
from conformance.evidence.recorder import BROKEN_OFF
from conformance.evidence.redaction import ALTERED
from conformance.vocabulary.exchange import BETWEEN_GUESSES
from conformance.vocabulary.finding import Kind

Entry = Mapping[str, Any]
LIMITED, UNAUTHORIZED = 429, 401
READS = ("GET", "HEAD", "OPTIONS")
RESOURCE_NAME = re.compile(r"cf-[0-9a-z]{11}-[0-9a-z]+-[0-9]+x")
"""The name of a resource that the run created."""
SIGNATURE = re.compile(r"AWS4-HMAC-SHA256.*[Ss]ignature=|[?&]X-Amz-Signature=|name=\"x-amz-signature\"", re.I)
UNSIGNED_BY_CURL = re.compile(
    r"SignedHeaders=(?:[^,]*;)?(?:content-length|connection|expect|transfer-encoding)(?:[;,]|$)"
)
"""A signature that covers a field which curl adds itself and does not sign."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DOTS = re.compile(r"/(?:\.|%2[Ee]){1,2}(?=/|$)")
PARTLY_SENT = ("wire-cut", "wire-paused")
"""Prefixes of the clients that send only the beginning of a body, or pause within it."""
BY_OPERATOR = ("revoke", "restore", "make_repository")
"""The operator's commands that a script runs; the others change nothing."""


def request_text(entry: Entry) -> str:
    """Return URL, header and body of a request as text."""
    fields = [f"{name}: {value}" for name, value in entry["request_headers"]]
    return "\n".join([entry["url"], *fields, entry["request_body"].get("text", "")])


def deciding(finding: Entry, sequence: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the entry whose response shows the finding: the last that it names."""
    named = finding.get("exchanges") or [""]
    return next((each for each in sequence if each["id"] == named[-1]), None)


def unsendable(entry: Entry, secret_names: Mapping[str, str]) -> str:
    """Return why a person cannot send a request again with curl; "" if one can."""
    body, fields, is_raw = entry["request_body"], entry["request_headers"], "raw" in entry
    if ("sha256" in body and "pieces" not in body) or UNPRINTED in command_of(dict(entry), dict(secret_names)):
        return f"a body of {body['size']} bytes does not fit into a command"
    if entry["client"].startswith(PARTLY_SENT) or entry.get("error_type") == BROKEN_OFF:
        return "the run sent a body in part, or with a pause"
    if ALTERED in request_text(entry):
        return "a part of a secret that the run sent was not stored"
    scope = signature_scope(entry, secret_names)
    if not is_raw and any(CONTROL_CHARACTERS.search(octets(each).decode("utf-8", "replace")) for _, each in fields):
        return "a field contains control characters"
    if scope is None and SIGNATURE.search(request_text(entry)):
        return "its signature expires, and curl cannot compute it"
    if scope and (is_raw or DOTS.search(urlsplit(entry["url"]).path)):
        return "curl signs another path"
    if scope and any(name.lower() == "date" or UNSIGNED_BY_CURL.search(value) for name, value in fields):
        return "curl signs other fields"
    if not is_raw and entry["method"] == "HEAD" and body["size"]:
        return "curl sends no body with HEAD"
    names = {name.lower(): value for name, value in fields}
    announced = "transfer-encoding" in names or names.get("content-length", "0").strip("0") != ""
    return "a streamed body was not stored" if not is_raw and announced and not body["size"] else ""


def secrets_needed(sequence: Iterable[Entry]) -> set[str]:
    """Return the names of the secrets that a sequence sends, without the tokens that its own responses issue."""
    names, issued = set[str](), set[int]()
    for entry in sequence:
        tokens = entry.get("tokens", {})
        names |= {each for each in entry.get("secrets", []) if tokens.get(secret_of(each)) not in issued}
        issued |= {*entry.get("issued", [])}
    return names


def needs_lost_token(sequence: Iterable[Entry]) -> bool:
    """Whether a sequence sends a token that nothing can obtain again."""
    return any(name.startswith("ISSUED_TOKEN") for name in secrets_needed(sequence))


def without_retries(sequence: Iterable[Entry], named: Collection[str]) -> list[dict[str, Any]]:
    """Return a sequence without the requests that were sent again later, except those that a finding names.

    Logins between guesses are omitted.
    """
    entries = [dict(each) for each in sequence if each.get("client") != BETWEEN_GUESSES]
    again = {each["again"] for each in entries if "again" in each}
    return [each for each in entries if each["id"] not in again or each["id"] in named]


def overlapping(one: Entry, other: Entry) -> bool:
    """Whether two requests were concurrent."""
    first, second = sorted((one, other), key=lambda each: float(each["started"]))
    return float(first["started"]) + float(first["duration_s"]) > float(second["started"])


def curl_line(finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str]) -> str:
    """Return the command that shows a finding when it is pasted after the run; "" if one request is not enough."""
    found = deciding(finding, sequence)
    if found is None or finding["deviation"]["kind"] == Kind.BEHAVIOUR:
        return ""
    shown = with_alterations(found) if found["kind"] == "exchange" else found
    others = [each for each in sequence if each["id"] != shown["id"]]
    if not _asks_for_login(shown, finding) and not all(_changes_nothing(each, shown) for each in others):
        return ""
    if shown["kind"] == "exchange" and not _can_be_pasted(shown, others, secret_names):
        return ""
    return "" if RESOURCE_NAME.search(_needed_name(shown, finding)) else command_of(shown, dict(secret_names))


def _asks_for_login(shown: Entry, finding: Entry) -> bool:
    """Whether the response asks a client without credentials to log in: then earlier requests do not matter."""
    expected = finding["deviation"].get("statuses", ["401"])
    return shown.get("status") == UNAUTHORIZED and bool({"401", "4xx"} & {*expected}) and not shown.get("secrets")


def _changes_nothing(entry: Entry, shown: Entry) -> bool:
    """Whether a request of the sequence does not influence the shown one."""
    if entry["kind"] != "exchange" or entry["status"] == LIMITED or entry.get("paused_s"):
        return False
    if all(entry[name] == shown.get(name) for name in ("method", "url", "request_headers", "request_body")):
        # A different response to the same request needs several requests.
        return bool(entry.get("issued")) and entry["status"] == shown["status"]
    if entry["method"] in READS or 200 <= entry["status"] < 300:
        return not _has_lasting_effect(entry)
    # A refused write may have changed a resource, but no response that issues a token or accepts an event.
    unauthenticated = entry["status"] == UNAUTHORIZED and not entry.get("secrets")
    accepted = shown.get("method") == "POST" and 200 <= shown["status"] < 300
    return unauthenticated or (accepted and not _has_lasting_effect(shown))


def _can_be_pasted(shown: Entry, others: Sequence[Entry], secret_names: Mapping[str, str]) -> bool:
    """Whether curl sends the request as the run did, at any time, and without a lasting effect."""
    if shown.get("paused_s") or shown["status"] == LIMITED or unsendable(shown, secret_names):
        return False
    concurrent = any(overlapping(shown, each) for each in others)
    return not (concurrent or needs_lost_token([shown]) or _has_lasting_effect(shown))


def _has_lasting_effect(entry: Entry) -> bool:
    """Whether the request may have created, changed or deleted a resource."""
    if entry["method"] in READS or not 200 <= entry["status"] < 300 or entry.get("issued"):
        return False
    located = any(name.lower() == "location" for name, _ in entry["response_headers"])
    return entry["method"] != "POST" or entry["client"] != "http" or entry["status"] == 201 or located


def _needed_name(shown: Entry, finding: Entry) -> str:
    """Return the part of a request that names a resource which must exist; "" if it must not exist."""
    if shown["kind"] != "exchange":
        return " ".join(shown["command"])
    expected = finding["deviation"].get("statuses", [str(shown["status"])])
    exists = any(status[0] in "23" for status in expected)
    return urlsplit(shown["url"]).path if exists and shown["method"] not in ("PUT", "POST") else ""
