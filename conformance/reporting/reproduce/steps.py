"""The steps that a script repeats, the reason why a finding has no script, and its curl line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import (
    UNPRINTED,
    command_of,
    octets,
    quoted,
    secret_of,
    signature_scope,
    with_alterations,
)
from conformance.evidence.recorder import BROKEN_OFF
from conformance.evidence.redaction import ALTERED
from conformance.reporting.reproduce.requests import (
    CUT,
    FUNCTIONS,
    PAUSED,
    Entry,
    Exchanges,
    is_short_ascii,
    is_signed_by_hand,
    keeps_signature,
    request_text,
    word,
)
from conformance.vocabulary.exchange import BETWEEN_GUESSES

LIMITED = 429
UNAUTHORIZED = 401
RESOURCE_NAME = re.compile(r"cf-[0-9a-z]{11}-[0-9a-z]+-[0-9]+x")
"""The name of a resource that the run created."""
UNSIGNED_BY_CURL = re.compile(
    r"SignedHeaders=(?:[^,]*;)?(?:content-length|connection|expect|transfer-encoding)(?:[;,]|$)"
)
"""A signature that covers a field which curl adds itself and does not sign."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
BY_OPERATOR = ("revoke", "restore", "make_repository")
"""The operator's commands that a script runs; the others change nothing."""


def why_not_repeatable(sequence: Iterable[Entry]) -> str:
    """Return why a script cannot repeat a sequence; "" if it can."""
    for entry in sequence:
        if entry.get("hook") == "rotate_webhook":
            return "it is about a URL that the operator rotated, and a script rotates none"
        if entry["kind"] != "exchange" and not entry.get("hook"):
            return "it is about a client program, which only the replay runs again"
    return ""


def unsendable(exchanges: Exchanges, proof: Entry, secret_names: Mapping[str, str]) -> str:
    """Return why curl cannot send the requests, or cannot show the finding with them; "" if it can."""
    if proof.get("beyond"):
        return str(proof["beyond"])
    if _token_issued_twice(exchanges):
        return "two concurrent requests obtained the same token, and a script sends one request at a time"
    reasons = ((number, _unsendable(entry, secret_names)) for number, entry in exchanges)
    return next((f"in request {number}, {reason}" for number, reason in reasons if reason), "")


def _unsendable(entry: Entry, secret_names: Mapping[str, str]) -> str:
    """Return why a script cannot send one request; "" if it can."""
    body, fields = entry["request_body"], entry["request_headers"]
    if "sha256" in body and "pieces" not in body:
        return f"the body of {body['size']} bytes was not stored"
    if entry["client"].startswith(PAUSED):
        return "the run paused within the body and sent another request"
    if "raw" in entry:
        return ""
    if entry.get("error_type") == BROKEN_OFF:
        return "the run closed the connection within the body"
    # Fields are stored byte for byte.
    if any(CONTROL_CHARACTERS.search(octets(each).decode("utf-8", "replace")) for _, each in fields):
        return "a field contains control characters"
    if entry["method"] == "HEAD" and body["size"]:
        return "curl sends no body with HEAD"
    if _streamed(entry) and not body["size"]:
        return "the body was streamed and not stored"
    if signature_scope(entry, secret_names):
        if any(name.lower() == "date" for name, _ in fields):
            return "curl uses the Date field as the time of its signature"
        if any(UNSIGNED_BY_CURL.search(each) for _, each in fields):
            return "the signature covers a field that curl adds itself"
    return ""


def secrets_needed(sequence: Iterable[Entry]) -> set[str]:
    """Return the names of the secrets that a sequence sends, without the tokens that its own answers issue."""
    names, issued = set(), set()
    for entry in sequence:
        tokens = entry.get("tokens", {})
        names |= {each for each in entry.get("secrets", []) if tokens.get(secret_of(each)) not in issued}
        issued |= {*entry.get("issued", [])}
    return names


def needs_lost_token(sequence: Iterable[Entry]) -> bool:
    """Whether a sequence sends a token that nothing can obtain again."""
    return any(name.startswith("ISSUED_TOKEN") for name in secrets_needed(sequence))


def _token_issued_twice(exchanges: Exchanges) -> bool:
    """Whether two concurrent requests obtained the same token."""
    ends: dict[int, float] = {}
    for _, entry in sorted(exchanges, key=lambda each: float(each[1]["started"])):
        for token in set(entry.get("issued", [])):
            if token and entry["started"] < ends.get(token, 0.0):
                return True
            ends[token] = entry["started"] + entry["duration_s"]
    return False


def _streamed(entry: Entry) -> bool:
    """Whether a request announced a body in its header."""
    fields = {name.lower(): value for name, value in entry["request_headers"]}
    return "transfer-encoding" in fields or fields.get("content-length", "0").strip("0") != ""


def without_retries(sequence: Iterable[Entry], named: Collection[str]) -> list[dict[str, Any]]:
    """Return a sequence without the requests that were sent again later, except those that a finding names.

    Other requests of the run reached their limit. Repeated polls become one request after the same time. Logins between
    guesses are omitted.
    """
    entries = [dict(each) for each in sequence if each.get("client") != BETWEEN_GUESSES]
    again, by_id = {each["again"] for each in entries if "again" in each}, {each["id"]: each for each in entries}
    for each in entries:
        before = by_id.get(each.get("again"))
        if before is not None and before["method"] in ("GET", "HEAD", "DELETE") and before["status"] < 400:
            each["paused_s"] = each.get("paused_s", 0.0) + before.get("paused_s", 0.0)
        elif "again" in each:
            each.pop("paused_s", None)
    return [each for each in entries if each["id"] not in again or each["id"] in named]


def is_about_limit(check: str, expected: str, exchanges: Exchanges) -> bool:
    """Whether a rate limit is the finding, or a step before it."""
    # The word boundaries exclude a digest that contains the digits.
    named = re.search(rf"\b{LIMITED}\b", f"{check} {expected}") is not None
    return named or any(each["status"] == LIMITED for _, each in exchanges)


def sending_function(entry: Entry, exchanges: Exchanges, shown: str, limited: bool) -> str:
    """Return the shell function that sends a request of these exchanges.

    The first and the last request over a limit are sent until the limit is reached, except the ``shown`` one. If the
    finding is about no limit (``limited``), a request that must wait is sent once more.
    """
    over = [each["id"] for _, each in exchanges if each["status"] == LIMITED and each["id"] != shown]
    if entry["id"] in (*over[:1], *over[-1:]):
        return "send_until_limited"
    return "send" if limited else "send_patiently"


def step_lines(
    exchanges: Exchanges, judged: Collection[str], taken: Mapping[int, Collection[str]], limit_status: int = LIMITED
) -> Iterator[str]:
    """Yield the lines that test whether the steps before the ``judged`` exchanges end as in the run.

    Writes must succeed, with the same status if a later request follows the Location (``taken``). Resources that were
    read must exist. The last request over a limit must reach it. ``limit_status`` is the target's status for a limit.
    """
    last = max((number for number, entry in exchanges if entry["id"] in judged), default=0)
    at_last = max((number for number, entry in exchanges if entry["status"] == LIMITED and number < last), default=0)
    accepted = ["2??"]
    for number, entry in exchanges:
        if entry["id"] in judged or number > last:
            continue
        if entry["status"] == limit_status:
            # Any one of several concurrent requests can exceed the limit.
            accepted = ["2??", *map(str, dict.fromkeys((limit_status, LIMITED)))]
        succeeded = 200 <= entry["status"] < 300
        if entry["method"] not in ("GET", "HEAD") and succeeded:
            pattern = f"'{'|'.join(accepted)}'"
            yield f"needs {number} {entry['status'] if 'location' in taken.get(number, ()) else pattern}"
        elif succeeded:
            yield f"finds {number}"
        elif number == at_last:
            yield f"needs {number} {LIMITED}"


def overlapping(one: Entry, other: Entry) -> bool:
    """Whether two requests were concurrent."""
    first, second = sorted((one, other), key=lambda each: float(each["started"]))
    return float(first["started"]) + float(first["duration_s"]) > float(second["started"])


def expected_events(proof: Entry) -> list[tuple[str, int]]:
    """Return texts with how many times the operator's events must contain them."""
    return [(text, times) for text, times in proof.get("told", [])]


def why_events_unknown(proof: Entry, exchanges: Exchanges, events: Entry | None) -> str:
    """Return why no script can count the expected events; "" if one can, or none are expected."""
    if not expected_events(proof):
        return ""
    if events is None:
        return "it needs the hook events of the target file, which the run did not call"
    sent = [entry["request_body"].get("text", "") for _, entry in exchanges]
    for text, times in expected_events(proof):
        containing = [body for body in sent if text in body]
        if not all(map(is_short_ascii, containing)) or (times == 0 and not containing):
            return "an event of the run cannot be sent again with a new marker"
    return ""


def up_to_named_events(proof: Entry, named: Collection[str], sequence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a sequence up to the last event that a finding names, without other events whose body was not stored."""
    if not expected_events(proof):
        return sequence
    last = max((place for place, each in enumerate(sequence) if each["id"] in named), default=len(sequence))
    return [
        each
        for each in sequence[: last + 1]
        if each["id"] in named or "sha256" not in each.get("request_body", {"sha256": ""})
    ]


def event_marks(proof: Entry, exchanges: Exchanges) -> dict[str, str]:
    """Return new names for the texts of expected events that the sequence sends."""
    sent = [entry["request_body"].get("text", "") for _, entry in exchanges]
    return {text: f"{text}-\0RUN\0" for text, _ in expected_events(proof) if any(text in body for body in sent)}


def hook_command(entry: Entry) -> str:
    """Return an operator's command as words of the shell."""
    return " ".join(quoted(word, entry.get("secrets", [])) for word in entry["command"])


def event_functions(command: str, limits: Mapping[str, Any]) -> str:
    """Return the functions that count events; ``command`` is the operator's, as words of the shell."""
    return f"{FUNCTIONS['EVENTS']}operators_events() {{ {command}; }}\narrival={math.ceil(limits.get('arrival', 5))}\n"


def event_lines(proof: Entry, named: Exchanges, marks: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that count events; the responses that the finding names must be of the same class as before."""
    for number, entry in named:
        yield f"needs {number} '{entry['status'] // 100}??'"
    for text, times in expected_events(proof):
        # A text without a new name may also be in an event of the run.
        more = "" if text in marks or not times else "+"
        shown = "shows 'the number of events at the operator differs from the expected one'"
        yield f"has_events {word(text, marks)} {times}{more} || {shown}"


READS = ("GET", "HEAD", "OPTIONS")
COMPUTED = ("sha256", "listed", "sums", "dates_near", "inside", "told", "differ")
"""Kinds of proof that are computed from a response, so that a reader does not see them in it."""


def curl_line(finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str]) -> str:
    """Return the command that shows a finding when it is pasted after the run; "" if one request is not enough."""
    shown = _shown(finding, sequence)
    if shown is None or _compares(finding, shown, sequence):
        return ""
    others = [each for each in sequence if each["id"] != shown["id"]]
    if not _asks_for_login(shown, finding) and not all(_changes_nothing(each, shown) for each in others):
        return ""
    if shown["kind"] == "exchange" and not _can_be_pasted(shown, others, secret_names):
        return ""
    command = command_of(shown, dict(secret_names))
    return "" if UNPRINTED in command or RESOURCE_NAME.search(_needed_name(shown, finding)) else command


def steps_of(finding: Entry, sequence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a finding's sequence that a script repeats."""
    named = finding.get("exchanges") or []
    steps = [each for each in sequence if each["kind"] == "exchange" or each.get("hook") in BY_OPERATOR]
    steps = up_to_named_events(finding.get("proof") or {}, named, without_retries(steps, named))
    return [with_alterations(each) if each["kind"] == "exchange" else each for each in steps]


def script_lacks(
    finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str], events: Entry | None
) -> str:
    """Return why no script can show a finding; "" if one can. ``events`` is the operator's command, as it was run."""
    if reason := why_not_repeatable(sequence):
        return reason
    proof, steps = finding.get("proof") or {}, steps_of(finding, sequence)
    exchanges = [(number, each) for number, each in enumerate(steps, 1) if each["kind"] == "exchange"]
    if not exchanges:
        return "no request was sent"
    shown = _shown(finding, steps)
    if shown and shown["kind"] == "exchange" and shown["client"].startswith(CUT) and shown["status"]:
        return "it is about the response to a request that the run cut off"
    reason = unsendable(exchanges, proof, secret_names) or why_events_unknown(proof, exchanges, events)
    return reason or ("a token that it needs was not stored" if needs_lost_token(steps) else "")


def _shown(finding: Entry, sequence: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the entry whose response shows the finding."""
    proof, named = finding.get("proof") or {}, finding.get("exchanges") or [""]
    entry_id = proof.get("exchange") or named[-1]
    found = next((each for each in sequence if each["id"] == entry_id), None)
    return with_alterations(found) if found and found["kind"] == "exchange" else found


def _compares(finding: Entry, shown: Entry, sequence: Sequence[Entry]) -> bool:
    """Whether the finding is about several responses, or about a value that is computed from one."""
    proof = finding.get("proof") or {}
    if not proof:
        return len(finding.get("exchanges") or ()) > 1
    text = json.dumps(proof)
    others = any(f'"{each["id"]}"' in text for each in sequence if each["id"] != shown["id"])
    unseen = any(name in proof for name in COMPUTED) or ("beyond" in proof and not proof.get("exchange"))
    return others or unseen


def _asks_for_login(shown: Entry, finding: Entry) -> bool:
    """Whether the response asks a client without credentials to log in: then earlier requests do not matter."""
    expected = (finding.get("proof") or {}).get("statuses", [UNAUTHORIZED])
    return shown.get("status") == UNAUTHORIZED and UNAUTHORIZED in expected and not shown.get("secrets")


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
    transient = shown.get("paused_s") or shown["status"] == LIMITED or keeps_signature(shown, secret_names)
    by_hand = unsendable([(1, shown)], {}, secret_names) or is_signed_by_hand(shown, secret_names)
    unknown = ALTERED in request_text(shown) or needs_lost_token([shown])
    concurrent = any(overlapping(shown, each) for each in others)
    return not (transient or by_hand or unknown or concurrent or _has_lasting_effect(shown))


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
    expected = (finding.get("proof") or {}).get("statuses", [shown["status"]])
    exists = any(200 <= status < 400 for status in expected)
    return urlsplit(shown["url"]).path if exists and shown["method"] not in ("PUT", "POST") else ""
