"""Find a small set of defects that makes every check and every assertion fail that any defect does.

    python -m tests.assertions --out TABLE.json            measure: by defect, the checks that fail and their lines
    python -m tests.cover TABLE.json                       print the defects that prove nothing more than the others
    python -m tests.cover TABLE.json --out COVER.json      also write the cover: by defect, the checks that it proves
    python -m tests.cover TABLE.json --defect NAME         print what this defect alone makes fail

A new defect stays only if it makes some check or assertion fail that no other defect does: the last command says so,
and exits with 1 if there is nothing. ``tests.assertions --defect NAME --out TABLE.json`` adds a defect to the table.

The cover prefers defects that a real product was released with (``shipped``) and those that only properties find
(``shortest``). It contains the defects in ``ALWAYS``, one for each requirement, and for each property one that only
properties find.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from conformance.reference.alteration import Defect
from conformance.reference.deployment import alterations
from tests.assertions import Measured
from tests.rows import requirement_of

# By area, unauthorized access: a run against each of these defects must never end in a certificate.
UNAUTHORIZED = {
    "authorization": (
        "double-slash-is-unguarded", "forwarded-skips-guard", "dots-encoded-twice-are-unguarded",
        "anything-after-the-token-endpoint-is-open", "deletion-by-slash-is-unguarded", "method-override-honoured",
        "foreign-organization-as-owner", "expired-token-accepted", "writes-ignore-expiry",
        "client-id-compared-without-case", "any-origin-is-let-in", "identity-header-trusted",
        "organization-from-header", "path-from-header",
    ),
    "storage": ("copy-sources-unsigned", "urls-obey-copy-sources-unsigned", "unsigned-amz-headers-accepted"),
    "webhooks": ("webhook-url-compared-without-case", "webhook-url-matched-by-prefix"),
}  # fmt: skip
ALWAYS = tuple(name for names in UNAUTHORIZED.values() for name in names)

Failures = Mapping[str, frozenset[str]]
"""By defect, what it makes fail: check ids and assertion lines (``file:line``)."""


def failures(table: Measured) -> dict[str, frozenset[str]]:
    """What each defect of a measured table makes fail."""
    return {name: frozenset(checks).union(*checks.values()) for name, checks in table.items()}


def cover(found: Failures, always: Collection[str], preferred: Collection[str]) -> list[str]:
    """The names of a small set of defects that fail together all that any does: greedy, then what is needless goes."""
    times = Counter(each for failed in found.values() for each in failed)
    kept = {name for name in found if name in always or any(times[each] == 1 for each in found[name])}
    missing = {*times}.difference(*(found[name] for name in kept))
    for names in ([name for name in sorted(found) if name in preferred], sorted(found)):
        while best := max(names, key=lambda name: len(found[name] & missing), default=None):
            if not found[best] & missing:
                break
            kept.add(best)
            missing -= found[best]
    return without_needless(found, kept, always, preferred)


def without_needless(
    found: Failures, kept: Collection[str], always: Collection[str], preferred: Collection[str]
) -> list[str]:
    """The kept defects without those whose failures the others show as well, preferred ones going last."""
    times = Counter(each for name in kept for each in found[name])
    left = sorted(kept)
    for name in sorted(kept, key=lambda name: (name in preferred, len(found[name]), name)):
        if name not in always and all(times[each] > 1 for each in found[name]):
            left.remove(name)
            times.subtract(found[name])
    return left


def proved(table: Measured, kept: Collection[str]) -> dict[str, list[str]]:
    """By kept defect, the checks that are enough for it to name, so that together they fail all that they can.

    What one defect alone makes fail comes first. Everything else is named by the defect with the fewest checks so far.
    """
    named: dict[str, set[str]] = {name: set() for name in kept}
    # In which checks of which defect something fails: a check in itself, an assertion line in the checks that reach it.
    places: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(kept):
        for check, lines in table[name].items():
            for each in (check, *lines):
                places.setdefault(each, []).append((name, check))
    for each in sorted(places, key=lambda each: (len({name for name, _ in places[each]}), len(places[each]), each)):
        if not any(check in named[name] for name, check in places[each]):
            name, check = min(places[each], key=lambda place: (len(named[place[0]]), place))
            named[name].add(check)
    return {name: sorted(checks) for name, checks in named.items()}


def for_each_requirement(kept: Iterable[str], named: Mapping[str, Collection[str]]) -> list[str]:
    """One further defect for each requirement that no kept defect names."""
    known = {each for name in kept for each in named[name]}
    further = []
    for name, requirements in sorted(named.items()):
        if not known.issuperset(requirements):
            further.append(name)
            known.update(requirements)
    return further


def alone(found: Failures, name: str) -> list[str]:
    """What this defect makes fail and no other does."""
    others = frozenset[str]().union(*(failed for other, failed in found.items() if other != name))
    return sorted(found[name] - others)


def chosen(table: Measured, defects: Mapping[str, type[Defect]]) -> list[str]:
    """The defects to keep of all that there are."""
    preferred = [name for name, each in defects.items() if each.shipped or each.shortest]
    kept = cover(failures(table), ALWAYS, preferred)
    named = {name: {requirement_of(each) for each in defect.noticed_by} for name, defect in defects.items()}
    by_properties = {name: each for name, each in named.items() if defects[name].shortest}
    kept += for_each_requirement([name for name in kept if name in by_properties], by_properties)
    return sorted({*kept, *for_each_requirement(kept, named)})


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line; 1 where a defect that was named proves nothing alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="what tests.assertions --out wrote")
    parser.add_argument("--defect", metavar="NAME", help="only print what this defect alone makes fail")
    parser.add_argument("--out", type=Path, help="write the cover as JSON")
    choice = parser.parse_args(None if arguments is None else list(arguments))
    defects = {name: each for name, each in alterations().items() if issubclass(each, Defect)}
    measured = json.loads(choice.table.read_text(encoding="utf-8"))
    # What was measured of a defect that has gone since proves nothing.
    table: Measured = {name: checks for name, checks in measured.items() if name in defects}
    if choice.defect:
        if choice.defect not in table:
            raise SystemExit(f"{choice.table} does not contain {choice.defect}: measure it with tests.assertions --out")
        found = alone(failures(table), choice.defect)
        print("\n".join(found) or f"{choice.defect} makes nothing fail that no other defect does: remove it")
        return 0 if found else 1
    kept = chosen(table, defects)
    if choice.out:
        checks = proved(table, [name for name in kept if name in table])
        choice.out.write_text(json.dumps(checks, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(sorted({*defects} - {*kept})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
