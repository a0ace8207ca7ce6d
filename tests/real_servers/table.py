"""The table of real servers × promises, from their expected findings, as the site shows it.

python -m tests.real_servers.table
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.contract.catalogue import catalogue
from conformance.vocabulary.requirement import Level, Requirement
from tests.real_servers.compare import expected

FOLDER = Path(__file__).parent
SUFFIX = ".expected.toml"
HEAD = """# Real servers and the promises

Which promises real servers break, from the files of expected findings in `tests/real_servers/`. Each entry of a file
names the clause. Proxies in front of the reference are left out.

A promise is **broken** (●) if a MUST under it fails, and **kept in part** (○) if only a SHOULD or MAY does. *Basic*
counts the MUSTs of `storage-basic` and `registry-basic`, on which a customer's work depends
([levels](../explanation/levels.md)).
"""
PROXIES = {"apache", "caddy", "nginx"}


def failing() -> dict[str, list[Requirement]]:
    """The requirements that each server does not meet, by its name."""
    found = {}
    for path in sorted(FOLDER.glob(f"*{SUFFIX}")):
        if (name := path.name.removesuffix(SUFFIX)) not in PROXIES:
            ids = {str(entry["id"]).split("#")[0] for entry in expected(path)}
            topics = tuple(each for each in ids if each.endswith("/"))
            found[name] = [each for each in catalogue() if each.id in ids or each.id.startswith(topics)]
    return found


def lines() -> Iterator[str]:
    """The page, line by line."""
    servers = failing()
    yield from (*HEAD.splitlines(), "", "| server | MUST | basic | SHOULD, MAY |", "| --- | --- | --- | --- |")
    for name, missed in servers.items():
        musts = [each for each in missed if each.level == Level.MUST]
        basic = [each for each in musts if each.conformance_class.endswith("-basic")]
        yield f"| {name} | {len(musts)} | {len(basic)} | {len(missed) - len(musts)} |"
    for prefixes in (("ID", "AC", "ER"), ("RG",), ("S3",), ("HT",)):
        shown = {
            name: missed for name, missed in servers.items() if any(each.promise[:2] in prefixes for each in missed)
        }
        yield from ("", f"| promise | {' | '.join(shown)} |", f"| --- |{' --- |' * len(shown)}")
        for promise in catalogue().promises.values():
            cells = [cell(promise.id, missed) for missed in shown.values()]
            if promise.id[:2] in prefixes and any(cells):
                yield f"| {promise.id} {promise.title} | {' | '.join(cells)} |"


def cell(promise: str, missed: list[Requirement]) -> str:
    """How far a server keeps a promise: nothing where it keeps the whole."""
    levels = {each.level for each in missed if each.promise == promise}
    return "●" if Level.MUST in levels else "○" if levels else ""


def main() -> None:
    """Print the page."""
    print("\n".join(lines()))


if __name__ == "__main__":
    main()
