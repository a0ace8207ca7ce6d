"""The sequence that led to a finding: what a script repeats of it, and whether one pasted request shows it instead."""

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
    is_short_ascii,
    is_signed_by_hand,
    is_signed_for_good,
    request_text,
    word,
)
from conformance.vocabulary.exchange import BETWEEN_GUESSES

Entry = Mapping[str, Any]
Exchanges = Sequence[tuple[int, Entry]]
LIMITED = 429
UNAUTHORIZED = 401
MADE = re.compile(r"cf-[0-9a-z]{11}-[0-9a-z]+-[0-9]+x")
"""A name of something that the run made."""
NOT_BY_CURL = re.compile(r"SignedHeaders=(?:[^,]*;)?(?:content-length|connection|expect|transfer-encoding)(?:[;,]|$)")
"""Fields that curl makes by itself and does not sign."""
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
BY_OPERATOR = ("revoke", "restore", "make_repository")
"""The operator's commands that a script has done; others only tell."""


def why_not_repeated(sequence: Iterable[Entry]) -> str:
    """Why a script does not do what led to a finding; "" where it does."""
    for entry in sequence:
        if entry.get("hook") == "rotate_webhook":
            return "it is about a URL that the operator rotated, and no script does that"
        if entry["kind"] != "exchange" and not entry.get("hook"):
            return "it is about what a program did, which conformance replay has do it again"
    return ""


def unsendable(exchanges: Sequence[tuple[int, Entry]], proof: Entry, secret_names: Mapping[str, str]) -> str:
    """Why curl cannot send the requests, or nothing could be told by them; "" where it can."""
    if proof.get("beyond"):
        return str(proof["beyond"])
    if _token_issued_twice(exchanges):
        return "one token was given to two that asked at once, and a script asks one after the other"
    reasons = ((number, _unsendable(entry, secret_names)) for number, entry in exchanges)
    return next((f"request {number}: {reason}" for number, reason in reasons if reason), "")


def _unsendable(entry: Entry, secret_names: Mapping[str, str]) -> str:
    """Why a script cannot send one request; "" if it can."""
    body, fields = entry["request_body"], entry["request_headers"]
    if "sha256" in body and "pieces" not in body:
        return f"its {body['size']} bytes were not stored"
    if entry["client"].startswith(PAUSED):
        return "the run paused it in the middle of its body while it sent another request"
    if "raw" in entry:
        return ""
    if entry.get("error_type") == BROKEN_OFF:
        return "the run broke it off in the middle of its body"
    # Fields are stored byte for byte, whatever text they hold.
    if any(OBEYED.search(octets(each).decode("utf-8", "replace")) for _, each in fields):
        return "a field contains control characters"
    if entry["method"] == "HEAD" and body["size"]:
        return "curl sends no body with HEAD"
    if _streamed(entry) and not body["size"]:
        return "its bytes were streamed and not stored"
    if signature_scope(entry, secret_names):
        if any(name.lower() == "date" for name, _ in fields):
            return "curl takes its Date for the time of its signature"
        if any(NOT_BY_CURL.search(each) for _, each in fields):
            return "it signs a field that curl adds itself"
    return ""


def secrets_needed(sequence: Iterable[Entry]) -> set[str]:
    """Return the names of the secrets that a sequence sends, without the tokens that its own answers issue."""
    names, issued = set(), set()
    for entry in sequence:
        tokens = entry.get("tokens", {})
        names |= {each for each in entry.get("secrets", []) if tokens.get(secret_of(each)) not in issued}
        issued |= {*entry.get("issued", [])}
    return names


def lost(sequence: Iterable[Entry]) -> bool:
    """Whether a sequence sends a token that nothing can obtain again."""
    return any(name.startswith("ISSUED_TOKEN") for name in secrets_needed(sequence))


def _token_issued_twice(exchanges: Sequence[tuple[int, Entry]]) -> bool:
    """Whether one token was issued by two answers whose requests were under way together."""
    ends: dict[int, float] = {}
    for _, entry in sorted(exchanges, key=lambda each: float(each[1]["started"])):
        for token in set(entry.get("issued", [])):
            if token and entry["started"] < ends.get(token, 0.0):
                return True
            ends[token] = entry["started"] + entry["duration_s"]
    return False


def _streamed(entry: Entry) -> bool:
    """Whether a request had a body of its own by its header, wherever that came from."""
    fields = {name.lower(): value for name, value in entry["request_headers"]}
    return "transfer-encoding" in fields or fields.get("content-length", "0").strip("0") != ""


def served(sequence: Iterable[Entry], named: Collection[str]) -> list[dict[str, Any]]:
    """A sequence without what was asked to wait and was then asked again, but for what a finding names.

    The limit, which was reached in the run by what others asked, is not what is shown, nor are logins between guesses.
    What was asked again until it is gone is asked once, after as long a time.
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


def is_of_a_limit(check: str, expected: str, exchanges: Sequence[tuple[int, Entry]]) -> bool:
    """Whether a limit is what is shown, or what leads there. A digest in what is expected may have its digits."""
    named = re.search(rf"\b{LIMITED}\b", f"{check} {expected}") is not None
    return named or any(each["status"] == LIMITED for _, each in exchanges)


def sends(entry: Entry, exchanges: Iterable[tuple[int, Entry]], shown: str, limited: bool) -> str:
    """The function that sends a request, one of these exchanges.

    The first over a limit is sent until others have used that up again, as they had in the run, unless it is what is
    ``shown``; and so is the last, since by then the limit may be over where requests take long. Where no limit is what
    is shown, a request is sent once more that is asked to wait.
    """
    over = [each["id"] for _, each in exchanges if each["status"] == LIMITED and each["id"] != shown]
    if entry["id"] in (*over[:1], *over[-1:]):
        return "send_until_limited"
    return "send" if limited else "send_patiently"


def steps(
    exchanges: Sequence[tuple[int, Entry]],
    looked_at: Collection[str],
    taken: Mapping[int, Collection[str]],
    over: int = LIMITED,
) -> Iterator[str]:
    """The lines that look whether the steps are as they were; ``taken``: what is taken of an answer, by its number.

    What was made must be made now as well, and in the same way where another request goes on from there; what was
    read must be there; and where a limit was reached, it is by the last that was over it. ``over`` is the status by
    which the target tells it.
    """
    last = max((number for number, entry in exchanges if entry["id"] in looked_at), default=0)
    at_last = max((number for number, entry in exchanges if entry["status"] == LIMITED and number < last), default=0)
    right = ["2??"]
    for number, entry in exchanges:
        if entry["id"] in looked_at or number > last:
            continue
        if entry["status"] == over:
            # Of requests that are under way together, which one is too many differs.
            right = ["2??", *map(str, dict.fromkeys((over, LIMITED)))]
        done = 200 <= entry["status"] < 300
        if entry["method"] not in ("GET", "HEAD") and done:
            wanted = f"'{'|'.join(right)}'"
            yield f"needs {number} {entry['status'] if 'location' in taken.get(number, ()) else wanted}"
        elif done:
            yield f"finds {number}"
        elif number == at_last:
            yield f"needs {number} {LIMITED}"


def overlapping(one: Entry, other: Entry) -> bool:
    """Whether two requests were under way at the same time."""
    first, second = sorted((one, other), key=lambda each: float(each["started"]))
    return float(first["started"]) + float(first["duration_s"]) > float(second["started"])


def wanted(proof: Entry) -> list[tuple[str, int]]:
    """Texts with how many times they would be told."""
    return [(text, times) for text, times in proof.get("told", [])]


def untellable(proof: Entry, exchanges: Exchanges, events: Entry | None) -> str:
    """Why no script can tell what would be told; "" where one can, or nothing would be."""
    if not wanted(proof):
        return ""
    if events is None:
        return "it is about what the hook events of the target file tells, and the run has not called it"
    sent = [entry["request_body"].get("text", "") for _, entry in exchanges]
    for text, times in wanted(proof):
        marked = [body for body in sent if text in body]
        if not all(map(is_short_ascii, marked)) or (times == 0 and not marked):
            return "an event of the run cannot be sent anew under a mark of its own"
    return ""


def leading_to(proof: Entry, named: Collection[str], sequence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a sequence what leads to the events that a finding names: no other whose body was not kept, and none later."""
    if not wanted(proof):
        return sequence
    last = max((place for place, each in enumerate(sequence) if each["id"] in named), default=len(sequence))
    return [
        each
        for each in sequence[: last + 1]
        if each["id"] in named or "sha256" not in each.get("request_body", {"sha256": ""})
    ]


def own_marks(proof: Entry, exchanges: Exchanges) -> dict[str, str]:
    """The marks of events that are sent, with what they are called now."""
    sent = [entry["request_body"].get("text", "") for _, entry in exchanges]
    return {text: f"{text}-\0RUN\0" for text, _ in wanted(proof) if any(text in body for body in sent)}


def called(entry: Entry) -> str:
    """A command of the operator's as words of the shell."""
    return " ".join(quoted(word, entry.get("secrets", [])) for word in entry["command"])


def asking(command: str, limits: Mapping[str, Any]) -> str:
    """The functions that ask; ``command`` is the operator's, as words of the shell."""
    return f"{FUNCTIONS['TOLD']}operators_events() {{ {command}; }}\narrival={math.ceil(limits.get('arrival', 5))}\n"


def counting(proof: Entry, answers: Exchanges, marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that ask; ``answers`` are those that the finding names, which must be as they were."""
    for number, entry in answers:
        yield f"needs {number} '{entry['status'] // 100}??'"
    for text, times in wanted(proof):
        # What has no mark of its own, the run may have sent as well.
        more = "" if text in marks or not times else "+"
        yield f"events_tell {word(text, marks)} {times}{more} || shows 'what the operator is told of events'"


READS = ("GET", "HEAD", "OPTIONS")
COMPUTED = ("sha256", "listed", "sums", "dates_near", "inside", "told", "differ")
"""Kinds of proof that no reader sees in an answer: they are computed from it."""


def curl_line(finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str]) -> str:
    """Return the command that shows a finding when it is pasted after the run; "" where one request does not do."""
    shown = _shown(finding, sequence)
    if shown is None or _compares(finding, shown, sequence):
        return ""
    others = [each for each in sequence if each["id"] != shown["id"]]
    if not _asks_for_login(shown, finding) and not all(_changes_nothing(each, shown) for each in others):
        return ""
    if shown["kind"] == "exchange" and not _can_be_pasted(finding, shown, others, secret_names):
        return ""
    command = command_of(shown, dict(secret_names))
    return "" if UNPRINTED in command or MADE.search(_needed_name(shown, finding)) else command


def steps_of(finding: Entry, sequence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a script does of the sequence that led to a finding."""
    named = finding.get("exchanges") or []
    done = [each for each in sequence if each["kind"] == "exchange" or each.get("hook") in BY_OPERATOR]
    done = leading_to(finding.get("proof") or {}, named, served(done, named))
    return [with_alterations(each) if each["kind"] == "exchange" else each for each in done]


def script_lacks(
    finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str], events: Entry | None
) -> str:
    """Return why no script can show a finding; "" where one can. ``events``: the operator's command, as it was run."""
    if reason := why_not_repeated(sequence):
        return reason
    proof, done = finding.get("proof") or {}, steps_of(finding, sequence)
    exchanges = [(number, each) for number, each in enumerate(done, 1) if each["kind"] == "exchange"]
    if not exchanges:
        return "no request was sent"
    shown = _shown(finding, done)
    if shown and shown["kind"] == "exchange" and shown["client"].startswith(CUT) and shown["status"]:
        return "it is about the response to a request that the run cut off while it still listened"
    reason = unsendable(exchanges, proof, secret_names) or untellable(proof, exchanges, events)
    return reason or ("a token that it uses was not kept" if lost(done) else "")


def _shown(finding: Entry, sequence: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry whose answer shows the finding."""
    proof, named = finding.get("proof") or {}, finding.get("exchanges") or [""]
    wanted = proof.get("exchange") or named[-1]
    found = next((each for each in sequence if each["id"] == wanted), None)
    return with_alterations(found) if found and found["kind"] == "exchange" else found


def _compares(finding: Entry, shown: Entry, sequence: Sequence[Entry]) -> bool:
    """Whether the finding is about several answers, or about what must be computed from one."""
    proof = finding.get("proof") or {}
    if not proof:
        return len(finding.get("exchanges") or ()) > 1
    text = json.dumps(proof)
    others = any(f'"{each["id"]}"' in text for each in sequence if each["id"] != shown["id"])
    unseen = any(name in proof for name in COMPUTED) or ("beyond" in proof and not proof.get("exchange"))
    return others or unseen


def _asks_for_login(shown: Entry, finding: Entry) -> bool:
    """Whether what came before has no bearing on an answer: it asks a client without credentials to log in."""
    right = (finding.get("proof") or {}).get("statuses", [UNAUTHORIZED])
    return shown.get("status") == UNAUTHORIZED and UNAUTHORIZED in right and not shown.get("secrets")


def _changes_nothing(entry: Entry, shown: Entry) -> bool:
    """Whether a request of the sequence has no bearing on the one that is shown."""
    if entry["kind"] != "exchange" or entry["status"] == LIMITED or entry.get("paused_s"):
        return False
    if all(entry[name] == shown.get(name) for name in ("method", "url", "request_headers", "request_body")):
        # The same request may have been answered differently: that takes several.
        return bool(entry.get("issued")) and entry["status"] == shown["status"]
    if entry["method"] in READS or 200 <= entry["status"] < 300:
        return not _stays(entry)
    # A refused write may have changed what is read; what issues a token or takes an event is not changed by it.
    unauthenticated = entry["status"] == UNAUTHORIZED and not entry.get("secrets")
    return unauthenticated or (shown.get("method") == "POST" and 200 <= shown["status"] < 300 and not _stays(shown))


def _can_be_pasted(finding: Entry, shown: Entry, others: Sequence[Entry], secret_names: Mapping[str, str]) -> bool:
    """Whether curl sends the request as the run did, at any time, and nothing stays of it."""
    of_its_moment = shown.get("paused_s") or shown["status"] == LIMITED or is_signed_for_good(shown, secret_names)
    by_hand = unsendable([(1, shown)], {}, secret_names) or is_signed_by_hand(shown, secret_names)
    unknown = ALTERED in request_text(shown) or lost([shown])
    at_once = any(overlapping(shown, each) for each in others)
    return not (of_its_moment or by_hand or unknown or at_once or _stays(shown))


def _stays(entry: Entry) -> bool:
    """Whether the request may have made, changed or deleted something that stays so."""
    if entry["method"] in READS or not 200 <= entry["status"] < 300 or entry.get("issued"):
        return False
    located = any(name.lower() == "location" for name, _ in entry["response_headers"])
    return entry["method"] != "POST" or entry["client"] != "http" or entry["status"] == 201 or located


def _needed_name(shown: Entry, finding: Entry) -> str:
    """The part of a request that names what has to be there; "" where the finding is that it is not there."""
    if shown["kind"] != "exchange":
        return " ".join(shown["command"])
    right = (finding.get("proof") or {}).get("statuses", [shown["status"]])
    exists = any(200 <= status < 400 for status in right)
    return urlsplit(shown["url"]).path if exists and shown["method"] not in ("PUT", "POST") else ""
