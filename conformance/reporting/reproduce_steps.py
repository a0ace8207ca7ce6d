"""Whether the steps that lead to a finding can be gone again, and what must be as it was in the run after them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.curl import octets, secret_of, signature_scope
from conformance.evidence.recorder import BROKEN_OFF
from conformance.vocabulary.exchange import BETWEEN_GUESSES

Entry = Mapping[str, Any]
LIMITED = 429
NOT_BY_CURL = re.compile(r"SignedHeaders=(?:[^,]*;)?(?:content-length|connection|expect|transfer-encoding)(?:[;,]|$)")
"""Fields that curl makes by itself and does not sign."""
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
BY_OPERATOR = ("revoke", "restore", "make_repository")
"""The operator's commands that a script has done; others only tell."""
BY_HAND = {
    "wire": "it is sent over a raw connection, which curl would not do so",
    "boto3": "it is sent by the AWS SDK",
}


def done_otherwise(sequence: Iterable[Entry]) -> str:
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
    if _given_twice_at_once(exchanges):
        return "one token was given to two that asked at once, and a script asks one after the other"
    for number, entry in exchanges:
        body = entry["request_body"]
        if entry["client"] in BY_HAND:
            return f"request {number}: {BY_HAND[entry['client']]}"
        if entry.get("error_type") == BROKEN_OFF:
            return f"request {number}: the run broke it off in the middle of its body"
        # Fields are kept byte for byte, whatever text they hold.
        texts = (octets(each).decode("utf-8", "replace") for _, each in entry["request_headers"])
        if any(map(OBEYED.search, texts)):
            return f"request {number}: a field holds what a terminal would obey"
        if entry["method"] == "HEAD" and body["size"]:
            return f"request {number}: curl sends no body with HEAD"
        if _streamed(entry) and not body["size"]:
            return f"request {number}: its bytes were streamed, and not kept"
        if signature_scope(entry, secret_names) and any(name.lower() == "date" for name, _ in entry["request_headers"]):
            return f"request {number}: curl takes its Date for the time that it is signed at"
        if signature_scope(entry, secret_names) and any(
            NOT_BY_CURL.search(each) for _, each in entry["request_headers"]
        ):
            return f"request {number}: it signs a field that curl makes by itself"
        if "sha256" in body and "pieces" not in body:
            return f"request {number}: its {body['size']} bytes were not kept"
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


def _given_twice_at_once(exchanges: Sequence[tuple[int, Entry]]) -> bool:
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
