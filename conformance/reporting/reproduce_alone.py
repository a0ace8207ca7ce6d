"""Which findings a single pasted curl line shows, and which need the script.

A reader pastes the line after the run, when the run has removed what it made. So the line is offered only where the
request needs nothing that was made, waited for or compared, and leaves nothing behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import UNPRINTED, command_of, with_alterations
from conformance.evidence.redaction import ALTERED
from conformance.reporting.reproduce_judgement import MADE, UNAUTHORIZED, overlapping
from conformance.reporting.reproduce_signing import is_signed_by_hand
from conformance.reporting.reproduce_steps import (
    BY_OPERATOR,
    LIMITED,
    done_otherwise,
    lost,
    served,
    unsendable,
)
from conformance.reporting.reproduce_time import is_signed_for_good, told
from conformance.reporting.reproduce_told import leading_to, untellable

Entry = Mapping[str, Any]
READS = ("GET", "HEAD", "OPTIONS")
COMPUTED = ("sha256", "listed", "sums", "dates_near", "inside", "told", "differ")
"""Kinds of proof that no reader sees in an answer: they are computed from it."""


def curl_line(finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str]) -> str:
    """Return the command that shows a finding when it is pasted after the run; "" where one request does not do."""
    shown = _shown(finding, sequence)
    if shown is None or _compares(finding, shown, sequence):
        return ""
    others = [each for each in sequence if each["id"] != shown["id"]]
    if not _needs_nobody(shown, finding) and not all(_changes_nothing(each, shown) for each in others):
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
    if reason := done_otherwise(sequence):
        return reason
    proof, done = finding.get("proof") or {}, steps_of(finding, sequence)
    exchanges = [(number, each) for number, each in enumerate(done, 1) if each["kind"] == "exchange"]
    if not exchanges:
        return "no request was sent"
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


def _needs_nobody(shown: Entry, finding: Entry) -> bool:
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
    unknown = ALTERED in told(shown) or lost([shown])
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
