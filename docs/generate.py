"""The reference pages of the site, generated from the code when MkDocs builds it; a hook of ``mkdocs.yml``.

Commands come from the parser, the target file and the record from their JSON Schemas, promises from the catalogue, real
servers from their files of expected findings, and the changelog from CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
# MkDocs loads this file by its path, from any folder.
sys.path.insert(0, str(ROOT))

from conformance.commands import EXAMPLES, GROUPS, first_line, whole_parser  # noqa: E402
from conformance.contract.catalogue import catalogue  # noqa: E402
from conformance.plugin.checks import CheckInfo  # noqa: E402
from conformance.plugin.collection import collect  # noqa: E402
from conformance.reference.alteration import Alteration, Defect  # noqa: E402
from conformance.reference.deployment import named  # noqa: E402
from conformance.reference.service import promise_of, sentence  # noqa: E402
from conformance.target.schema import schema  # noqa: E402
from conformance.vocabulary.requirement import Clause, Level, Promise, Requirement, clause_words  # noqa: E402
from conformance.vocabulary.verdict import ExitCode  # noqa: E402
from tests.real_servers import table as real_servers  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

SURFACES = {
    "identity": "Identity", "organization-apis": "Organization APIs", "registry": "Registry", "storage": "S3 gateway",
    "webhooks": "Webhooks", "http": "HTTP at every surface",
}  # fmt: skip
RECORD = {"run": "run.json", "results": "results.ndjson", "evidence": "evidence/*.ndjson.gz"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those of the folder."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Return the Markdown of each generated page by its path below ``docs/``."""
    singles = {
        "reference/commands.md": commands,
        "reference/target-file.md": target_file,
        "reference/record.md": record,
        "reference/exit-codes.md": exit_codes,
        "reference/real-servers.md": servers,
        "reference/changelog.md": changelog,
    }
    return {path: "\n".join(lines()) + "\n" for path, lines in singles.items()} | dict(promise_pages())


def cell(text: str) -> str:
    """Return a text as the cell of a table: on one line, with nothing in it that Markdown reads."""
    return re.sub(r"([|<*_\[\]{}])", r"\\\1", " ".join(text.split()))


# Commands


COMMANDS = """# Commands

`conformance COMMAND --help` prints the same. Exit codes have [a page](exit-codes.md).

## Selectors

`run`, `list` and plain pytest's `--conformance-select` take any number of selectors. Without one they mean everything.

| selector | checks |
| --- | --- |
| `registry` | one area: `oauth`, `authorization`, `errors`, `registry`, `storage`, `webhooks`, `interoperability` |
| `oauth/token`, `errors/409/duplicate-slug` | ids that begin so, or one id |
| `AC-06` | one promise |
| `class:registry-core` | one conformance class |
| `level:must` | one level |
| `clause:5.2` | one section of a source |

## Plain pytest

`pytest suites/registry -k digest` works in a clone, `pytest --pyargs conformance.suites.registry` wherever the package
is installed. The options have the names of `conformance run` with the prefix `--conformance-`, such as
`--conformance-config FILE`. Workers (`-n 2`) and colour (`--color=no`) are options of pytest itself."""


def commands() -> Iterator[str]:
    """Yield every command with its options, in the groups of the overall help."""
    subparsers = next(each for each in whole_parser()._actions if isinstance(each, argparse._SubParsersAction))
    yield COMMANDS
    for title, names in GROUPS.items():
        yield from ("", f"## {title.capitalize()}")
        for name in names:
            yield from ("", f"### conformance {name}", "")
            yield from command(name, subparsers.choices[name])


def command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a command: its description, an example, its arguments."""
    yield from (
        cell(parser.description or first_line(name)),
        "",
        "```sh",
        f"conformance {name} {EXAMPLES[name]}",
        "```",
    )
    for group in parser._action_groups:
        actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS and each.dest != "help"]
        if actions and isinstance(actions[0], argparse._SubParsersAction):
            for action, own in actions[0].choices.items():
                yield from ("", f"#### conformance {name} {action}", "")
                yield from (cell(own.description or ""), *arguments(own._actions[1:]))
        elif actions:
            yield from ("", f"**{(group.title or '').capitalize()}**", *arguments(actions))


def arguments(actions: list[argparse.Action]) -> Iterator[str]:
    """Yield a table of arguments."""
    yield from ("", "| argument | meaning |", "| --- | --- |")
    for each in actions:
        value = each.metavar or ("{" + ",".join(map(str, each.choices)) + "}" if each.choices else "")
        words = [f"{name} {value}".rstrip() if each.nargs != 0 else name for name in each.option_strings] or [
            str(value)
        ]
        yield f"| {', '.join(f'`{word}`' for word in words)} | {cell((each.help or '').replace('%%', '%'))} |"


EXIT_CODES = """
A pipeline reads 0 and 1 as a statement about the target, and 7 as a run that needs more. The other codes say nothing
about the target. With `--strict`, a SHOULD that fails gives 1, and a SHOULD that cannot be judged gives 7."""


def exit_codes() -> Iterator[str]:
    """Yield the meaning of each exit code."""
    yield from ("# Exit codes", "", "| code | meaning |", "| --- | --- |")
    yield from (f"| {code} | {meaning} |" for code, meaning in sorted(ExitCode.MEANINGS.items()))
    yield EXIT_CODES


# Schemas


TARGET_FILE = """# Target file

`conformance init` writes `conformance.toml`. Its first line names the JSON Schema that the suite ships: editors with
TOML support complete and check the keys. The suite reads the file that `--config` names. Without this option it reads
`conformance.toml` in the current folder or in a parent, up to the root of the repository.

A secret is written as `${ENV}` or `file:PATH`, never as a value. Use secrets of 16 random characters or more:
`conformance preflight` warns of a short one, because redaction cannot tell it from ordinary text. An unknown key is an
error that names its line and the nearest known key. Each table below belongs to a target: `registry` is written as
`[targets.NAME.registry]`."""


def target_file() -> Iterator[str]:
    """Yield the keys of conformance.toml, from its schema."""
    document = schema()
    yield TARGET_FILE
    for name, (path, definition) in tables(document, "Target", "targets.NAME").items():
        mark = "##" if path.count(".") < 3 else "###"
        yield from ("", f"{mark} {path.removeprefix('targets.NAME.')}", "")
        yield from (cell(definition.get("description", "")), *keys(definition, name, document))


def tables(document: Mapping[str, Any], name: str, path: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return a definition and those that its keys refer to, each with the path of its table, in order."""
    definition = document["$defs"][name]
    found = {name: (path, definition)}
    for key, value in definition["properties"].items():
        for reference in re.findall(r"#/\$defs/(\w+)", json.dumps(value)):
            step = f"{key}.ROLE" if "additionalProperties" in value else key
            found |= {
                each: at for each, at in tables(document, reference, f"{path}.{step}").items() if each not in found
            }
    return found


def keys(definition: Mapping[str, Any], name: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of an object's keys."""
    required = definition.get("required", [])
    yield from ("", "| key | value | meaning |", "| --- | --- | --- |")
    for key, value in definition.get("properties", {}).items():
        needed = " (required)" if key in required else ""
        description = value.get("description", "")
        default = value.get("default")
        description += f" Default: {json.dumps(default)}." if default not in (None, [], {}) else ""
        yield f"| `{key}`{needed} | {cell(kind(value))} | {cell(description)}{choices(value)} |"


def kind(value: Mapping[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return name if name[0].islower() else "table"
    if parts := value.get("anyOf") or value.get("oneOf"):
        return " or ".join(dict.fromkeys(kind(each) for each in parts if each.get("type") != "null"))
    if "enum" in value or "const" in value:
        return ", ".join(json.dumps(each) for each in value.get("enum", [value.get("const")]))
    types = value.get("type", "any")
    if types == "array" and "oneOf" in value.get("items", {}):
        return "list of the names below"
    if types == "array":
        return f"list of {kind(value.get('items', {}))}"
    if types == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"table of {kind(value['additionalProperties'])} by name"
    return " or ".join(types) if isinstance(types, list) else str(types).replace("object", "table")


def choices(value: Mapping[str, Any]) -> str:
    """Return the permitted values of a list, each with its meaning."""
    named_values = value.get("items", {}).get("oneOf", [])
    return "".join(f"<br>`{each['const']}`: {cell(each['description'])}" for each in named_values)


RECORD_FORMAT = """# Record and report formats

A run is a folder. `run.json`, `results.ndjson` and `evidence/` are the record: what was tested, one line for each
check, and every request and response without secrets. The reports are rendered from the record alone.

| file | contains |
| --- | --- |
| `index.html` | the report: one file that opens from disk and loads nothing |
| `summary.md` | a short report for the summary page of a pipeline |
| `junit.xml`, `ctrf-report.json`, `allure-results/` | the results for other readers |
| `reproduce/` | a script for each finding |
| `examples/` | examples that a property found; `replay` and `--database` try them first |
| `leftovers.json` | resources that the run could not remove |
| `seal.json` | signed digests of the record |

`conformance report RUN` renders the reports again. Allure's own page needs Node: `npx allure@3 awesome
RUN/allure-results --single-file --output RUN/allure-report`."""


def record() -> Iterator[str]:
    """Yield the files of a record, from their schemas."""
    yield RECORD_FORMAT
    folder = ROOT / "conformance" / "runs" / "schemas"
    for name, file in RECORD.items():
        document = json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
        yield from (
            "",
            f"## {file}",
            "",
            f"Schema: `conformance/runs/schemas/{name}.schema.json`. {document['description']}",
        )
        definitions = {file: document} if "properties" in document else {}
        definitions |= {each: own for each, own in document.get("$defs", {}).items() if "properties" in own}
        for each, own in definitions.items():
            yield from ([] if each == file else ["", f"### {file}: {each}"])
            yield from keys(own, each, document)


# Promises


def promise_pages() -> Iterator[tuple[str, str]]:
    """Yield the list of the promises, and a page for each."""
    requirements, checks = defaultdict(list), defaultdict(list)
    for requirement in catalogue():
        requirements[requirement.promise].append(requirement)
    for check in collect():
        checks[check.requirement.id].append(check)
    defects = {promise_of(each): each for each in named(Defect).values() if promise_of(each)}
    failing = real_servers.failing()
    yield "reference/promises.md", "\n".join(promise_list(requirements, checks)) + "\n"
    for promise in catalogue().promises.values():
        lines = [
            f"# {promise.id} {cell(promise.title)}",
            "",
            f"[Promises](../promises.md) › {SURFACES[promise.surface]}",
        ]
        lines += ["", *quoted(promise.clause)]
        lines += [
            "",
            *facts(promise, any(checks[each.id] for each in requirements[promise.id]), defects.get(promise.id)),
        ]
        lines += broken_by(promise, failing)
        for requirement in requirements[promise.id]:
            lines += ["", *requirement_lines(requirement, checks[requirement.id])]
        yield f"reference/promises/{promise.id}.md", "\n".join(lines) + "\n"


def facts(promise: Promise, checked: bool, defect: type[Alteration] | None) -> Iterator[str]:
    """Yield the class of a promise, and the commands that check it and serve its defect."""
    yield f"- Class: `{promise.conformance_class}`"
    if checked:
        yield f"- Check it: `conformance run {promise.id}`"
    if defect:
        yield f"- See it broken: `conformance reference --defect {promise.id}`. {cell(sentence(defect))}"


PROMISES = """# Promises

A promise is one sentence of the contract. Its page has its clause, its requirements with their levels and checks, and
the defect of the embedded reference that breaks it."""


def servers() -> Iterator[str]:
    """Return the table of real servers, each promise with a link to its page."""
    return (re.sub(r"^\| ([A-Z][A-Z0-9]-\d\d) ", r"| [\1](promises/\1.md) ", line) for line in real_servers.lines())


def promise_list(requirements: Mapping[str, list[Requirement]], checks: Mapping[str, list[CheckInfo]]) -> Iterator[str]:
    """Yield the promises by surface, each with the number of its requirements by level and of its checks."""
    yield PROMISES
    for surface, title in SURFACES.items():
        yield from (
            "",
            f"## {title}",
            "",
            "| promise | MUST | SHOULD | MAY | checks |",
            "| --- | --- | --- | --- | --- |",
        )
        for promise in catalogue().promises.values():
            if promise.surface == surface:
                own = requirements[promise.id]
                counts = " | ".join(str(sum(each.level == level for each in own) or "") for level in Level)
                number = sum(len(checks[each.id]) for each in own)
                yield f"| [{promise.id}](promises/{promise.id}.md) {cell(promise.title)} | {counts} | {number} |"


def quoted(clause: Clause) -> Iterator[str]:
    """Yield a clause as a quotation with its source."""
    yield f"> {cell(clause_words(clause.plain()))}"
    yield from (">", f"> [{cell(str(clause))}]({clause.url})")


def broken_by(promise: Promise, failing: Mapping[str, list[Requirement]]) -> list[str]:
    """Return which real servers break the promise."""
    servers = {name: real_servers.cell(promise.id, missed) for name, missed in failing.items()}
    words = {"●": "Broken", "○": "Kept in part"}
    found = {mark: [name for name, own in servers.items() if own == mark] for mark in words}
    link = "[real servers](../real-servers.md)"
    return [f"- {words[mark]} by {link}: {', '.join(names)}" for mark, names in found.items() if names]


def requirement_lines(requirement: Requirement, checks: list[CheckInfo]) -> Iterator[str]:
    """Yield a requirement: level, class, clause, purpose and method of its checks."""
    feature = f" · feature `{requirement.feature}`" if requirement.feature else ""
    yield from (f"## {cell(requirement.title)}", "", f"**{requirement.level}** · `{requirement.id}` · class")
    yield from (f"`{requirement.conformance_class}`{feature}", "", *quoted(requirement.clause), "")
    if requirement.level_reason:
        yield from (f"Level: {cell(requirement.level_reason)}", "")
    if not checks:
        yield f"Not checked: {cell(requirement.untestable or '')}"
        return
    yield from (f"Purpose: {cell(checks[0].purpose)}", "")
    yield from (f"{number}. {cell(step)}" for number, step in enumerate(checks[0].method, 1))
    cases = [each.id.partition("#")[2] for each in checks]
    if any(cases):
        yield from ("", f"Cases: {', '.join(f'`{case}`' for case in cases)}")


# Changelog


def changelog() -> Iterator[str]:
    """Return CHANGELOG.md with its links adapted to the site."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return iter(re.sub(r"\]\(docs/", "](../", text).splitlines())
