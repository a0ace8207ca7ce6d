"""What a script has the operator's command events tell: which events a webhook has taken in, and how often.

Each event has a mark of chance, to which the script adds one of its own, so that what the run has sent is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.curl import quoted
from conformance.reporting.reproduce_text import looks_plain, word

Entry = Mapping[str, Any]
Exchanges = Sequence[tuple[int, Entry]]
TOLD = r"""
# Whether the operator's command events tells a text so many times ("+": or more), in the time that an event may take.
events_tell() {
    waited=0
    while :; do
        (cd "$started_in" && operators_events) >"$answers/events" || cannot "the command events ended with $?"
        count=$(awk -v "text=$1" '{ while (place = index($0, text)) { n++; $0 = substr($0, place + length(text)) } }
            END { print n + 0 }' "$answers/events")
        case $2 in
            0) [ "$count" = 0 ] || return 1 ;;
            "$count") return 0 ;;
            *+) [ "$count" -lt "${2%+}" ] || return 0 ;;
        esac
        [ "$waited" -lt "$arrival" ] || break
        sleep 1
        waited=$((waited + 1))
    done
    [ "$count" = "$2" ]
}
"""


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
        if not all(map(looks_plain, marked)) or (times == 0 and not marked):
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
    return f"{TOLD}operators_events() {{ {command}; }}\narrival={math.ceil(limits.get('arrival', 5))}\n"


def counting(proof: Entry, answers: Exchanges, marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that ask; ``answers`` are those that the finding names, which must be as they were."""
    for number, entry in answers:
        yield f"needs {number} '{entry['status'] // 100}??'"
    for text, times in wanted(proof):
        # What has no mark of its own, the run may have sent as well.
        more = "" if text in marks or not times else "+"
        yield f"events_tell {word(text, marks)} {times}{more} || shows 'what the operator is told of events'"
