"""Where no oracle said what is right: whether the answers of a finding are what they were.

What differs from answer to answer and says nothing is not compared; of what the finding speaks of, all is.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOMENTARY = (
    *("date", "last-modified", "expires", "age", "etag", "location", "link", "server", "via", "connection"),
    *("content-length", "keep-alive", "set-cookie", "retry-after", "transfer-encoding", "alt-svc"),
)
"""Names of fields that differ from answer to answer and say nothing of what is answered beside its body."""
MOMENTARY_PARTS = ("request", "trace", "uuid", "ratelimit", "-id")
"""The same of parts of names."""
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})"
TOLD_OF_TIME = re.compile(r"\d{4}-\d\d-\d\dt|date|time|modif|initiated|created|\bago\b|seconds|clock")
"""Words of a finding, in small letters, that speaks of times."""
ID = r"<(RequestId|HostId|UploadId)>[^<]*<"
OF_THE_MOMENT = {
    "000": "no answer comes",
    "30[12378]": "it leads elsewhere",
    "401": "the login is refused",
    "428": "a condition is asked for",
    "429": "a limit is reached",
    "503": "the service is not there",
}
PASSES = "echo 'passes: it no longer shows'"


def of_the_moment(status: int, about: str = "") -> str:
    """The alternatives of ``case`` for answers that say nothing of what is asked: none, a limit, a login that is over.

    Nor does one that leads elsewhere, where a run would follow.

    Not for what the run was answered (``status``), nor for what a finding speaks of (``about``).
    """
    others = [code for code in OF_THE_MOMENT if not re.search(rf"\b{code}\b", f"{status:03} {about}")]
    return "".join(f"{code}) cannot '{OF_THE_MOMENT[code]}' ;; " for code in others)


def without_login(entry: Mapping[str, Any]) -> str:
    """The refusal that says something of what is asked where no login is shown; "" where one is, which may be over."""
    shown = any(name.lower() == "authorization" for name, _ in entry.get("request_headers", []))
    return "" if shown else "401"


def as_seen(
    answers: Sequence[tuple[int, Mapping[str, Any]]], about: str = "", renamed: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, bytes]]:
    """The finding shows while the answers are what they were, the last above all.

    ``about`` is what the finding says; ``renamed`` are names of the run with what a script calls them. Returns lines,
    and by name the bodies that they compare with. What is not seen, for it is a secret or was not kept, may be what
    the finding is about: then nothing can be told.
    """
    last, shown = answers[-1]
    about = about.lower()
    if any(entry.get("method") == "HEAD" for _, entry in answers):
        # Of an answer without a body this is what it says of one.
        about += " content-length"
    momentary = _momentary(about)
    others = f"{of_the_moment(shown['status'], f'{about} {without_login(shown)}')}*) {PASSES}; exit 0 ;;"
    lines = [f"case $(status {last}) in {shown['status'] or '000'}) ;; {others} esac"]
    lines += [f"momentary={shlex.quote(momentary)}", *_steady(about, renamed or {})]
    bodies: dict[str, bytes] = {}
    for number, entry in answers:
        content = _whole(entry["response_body"])
        if content is None and number == last:
            return [
                lines[0],
                f"cannot 'answer {number} has the status that it had, and what its body hides is unknown'",
            ], {}
        if content is None:
            continue
        bodies[f"seen-{number}.bin"] = content
        lines += _compared(number, entry, momentary)
    what = " and ".join(str(number) for number, _ in answers)
    told_so = f"answer {what} is what it was" if len(answers) == 1 else f"answers {what} are what they were"
    return [*lines, f"shows '{told_so}'"], bodies


def _compared(number: int, entry: Mapping[str, Any], momentary: str) -> Iterator[str]:
    status = entry["status"] or "000"
    yield f'[ "$(status {number})" = {status} ] || cannot "answer {number} has another status"'
    yield f'steady seen-{number}.bin >"$answers/seen" && steady "$answers/{number}.body" >"$answers/now"'
    another = f"cannot 'answer {number} has its status and another body'"
    yield f'cmp -s "$answers/seen" "$answers/now" || {another}'
    told = [f"{name.lower()}: {' '.join(value.split())}".rstrip() for name, value in entry["response_headers"]]
    fields = "\n".join(sorted(each for each in told if not re.match(f"({momentary}):", each)))
    if any("$" in each for each in told) or not fields.isascii() or not all(each.isprintable() for each in told):
        # What stands in a field and cannot be compared may be what the finding is about.
        yield f"cannot 'answer {number} has its status and body, and what its fields hide is unknown'"
    else:
        yield f'[ "$(described {number})" = {shlex.quote(fields)} ] ||'
        yield f"    cannot 'answer {number} has its status and body, and other fields'"


def _momentary(about: str) -> str:
    """Which fields are not compared, as a pattern: none that the finding speaks of."""
    names = [name for name in MOMENTARY if not re.search(rf"(?<![\w-]){name}(?![\w-])", about)]
    parts = [part for part in MOMENTARY_PARTS if part not in about]
    return "|".join([*names, *(["[^ ]*(" + "|".join(parts) + ")[^ ]*"] if parts else [])])


def _steady(about: str, renamed: Mapping[str, str]) -> Iterator[str]:
    """The function that takes from a body what is of its moment: times, ids, and the names of what is made."""
    masks = [] if TOLD_OF_TIME.search(about) else [f"-e {shlex.quote(f's/{TIME}/TIME/g')}"]
    # A body that is quoted speaks of none by naming its element.
    if not re.search(r"(?<![</])(?:request|host|upload) ?id", about):
        masks.append(f"-e {shlex.quote(f's/{ID}/<ID></g')}")
    for seen, called in sorted(renamed.items()):
        new = re.sub("\0([A-Z0-9_]+)\0", r"${\1}", called)
        masks.append(f'-e "s/{new}/{seen}/g"')
    yield f'steady() {{ {" ".join(["LC_ALL=C sed -E", *masks]) if masks else "cat"} "$1"; }}'


def _whole(body: Mapping[str, Any]) -> bytes | None:
    """A recorded body, where it was kept whole and has nothing removed from it."""
    if "sha256" in body or "$" in body.get("text", ""):
        return None
    if "base64" in body:
        return base64.b64decode(body["base64"])
    return str(body.get("text", "")).encode("utf-8", "replace")
