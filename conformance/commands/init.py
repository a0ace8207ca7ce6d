"""``conformance init``: writes conformance.toml after a few questions.

It asks for the surfaces and for the names of the variables with their secrets, never for a secret.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.commands import UsageMistake

PRESETS = {
    "full": ("identity", "registry", "storage", "webhooks"),
    "registry-only": ("registry",),
    "storage-only": ("storage",),
    "reference": ("identity", "registry", "storage", "webhooks"),
}
REFERENCE_PORT = 8700
RUNNING = "running-reference.toml"
NAME = re.compile(r"^[A-Za-z0-9_-]+$")
SLUG = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
URL = re.compile(r"^https?://[^/?#\s@\"\\]+[^?#\s\"\\]*$")


VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]*$")
"""The names that the target file permits. A secret typed by mistake rarely matches, and is not printed."""
NO_VARIABLE = "That is no name of a variable, such as CT_SECRET. The file holds the name, and never the secret."
LOGIN = re.compile(r"^[^\"\\\x00-\x1f\x7f]+$")
NONE = "-"


@dataclass(frozen=True)
class Question:
    """A question about a credential; ``proposed`` is the value in the file's template.

    ``optional``: the answer ``-`` omits the table of ``role``, or leaves it as a comment.
    """

    text: str
    proposed: str
    role: str = ""
    optional: bool = False
    offered: bool = True

    @property
    def names_variable(self) -> bool:
        """Whether the answer is a variable's name."""
        return bool(VARIABLE.match(self.proposed))


QUESTIONS = {
    "identity": (
        Question("Client id of a credential with all its scopes (role full)?", "ct-full", "full"),
        Question("Variable that holds its secret?", "CT_FULL_SECRET", "full"),
        Question("Client id of one with fewer scopes (role narrow; - for none)?", "ct-narrow", "narrow", True),
        Question("Variable that holds its secret?", "CT_NARROW_SECRET", "narrow"),
    ),
    "registry": (
        Question("User name of a login that may push (role pusher)?", "ct-push", "pusher"),
        Question("Variable that holds its password?", "CT_PUSH_PASSWORD", "pusher"),
        Question("User name of one that may only pull (role puller; - for none)?", "ct-pull", "puller", True, False),
        Question("Variable that holds its password?", "CT_PULL_PASSWORD", "puller"),
    ),
    "storage": (
        Question("Variable that holds the access key?", "CT_S3_KEY"),
        Question("Variable that holds the secret key?", "CT_S3_SECRET"),
    ),
    "webhooks": (Question("Variable that holds the webhook's URL?", "CT_WEBHOOK_URL"),),
}


@dataclass
class Answers:
    """The content of the file. ``given`` are the answers to questions, by the proposed value."""

    preset: str = "full"
    surfaces: tuple[str, ...] = PRESETS["full"]
    given: dict[str, str] = field(default_factory=dict)
    target: str = "staging"
    organization: str = "my-org"
    urls: dict[str, str] = field(
        default_factory=lambda: {
            "identity": "https://identity.staging.example",
            "registry": "https://registry.staging.example",
            "storage": "https://s3.staging.example",
        }
    )


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("init", description="Writes a commented target file.")
    parser.add_argument("--yes", action="store_true", help="ask no questions and accept every proposal")
    parser.add_argument("--preset", choices=list(PRESETS), help="the surfaces to describe")
    parser.add_argument("--target", metavar="NAME", help="the target's name in the file")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path("conformance.toml"), help="the file to write"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(arguments: argparse.Namespace) -> int:
    """Ask, write the file, print the next steps, and return the exit code."""
    path: Path = arguments.config
    if path.exists() and not arguments.force:
        raise UsageMistake(f"{path} exists; --force overwrites it, --config FILE writes another")
    answers = _initial_answers(arguments)
    if not arguments.yes:
        _prompt_all(answers, with_surfaces=arguments.preset is None)
    text = file_text(answers, schema_reference(path))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as reason:
        raise UsageMistake(f"{path} cannot be written: {reason.strerror}") from None
    print(f"{path} is written. Next:")
    for line in _next(answers, path, text):
        print(f"  {line}")
    print("\n".join(_not_shown(tomllib.loads(text)["targets"][answers.target])))
    return 0


def _not_shown(target: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the file lacks for a certificate, by class."""
    from conformance.target.completeness import missing

    if found := missing(target):
        yield "For a certificate of these classes, add these keys as well (conformance preflight says what each is):"
        for name, keys in found.items():
            yield f"  {name}: {', '.join(keys)}"


def _initial_answers(arguments: argparse.Namespace) -> Answers:
    preset = arguments.preset or "full"
    answers = Answers(preset, PRESETS[preset])
    answers.target = arguments.target or ("reference" if answers.preset == "reference" else answers.target)
    if not NAME.fullmatch(answers.target):
        raise UsageMistake(f'--target "{answers.target}": letters, digits, "-" and "_" only')
    if answers.preset == "reference":
        for offset, name in enumerate(PRESETS["reference"]):
            answers.urls[name] = f"http://127.0.0.1:{REFERENCE_PORT + offset}"
        answers.organization = "acme"
    return answers


def _prompt_all(answers: Answers, with_surfaces: bool) -> None:
    if answers.preset == "reference":
        return
    if with_surfaces:
        proposed = ", ".join(answers.surfaces)
        reply = _prompt(f"Which surfaces are there ({proposed})?", proposed, lambda answer: bool(_surfaces(answer)))
        answers.surfaces = _surfaces(reply)
    answers.target = _prompt("A name for the target?", answers.target, _matches(NAME))
    answers.organization = _prompt("The slug of the organization under test?", answers.organization, _matches(SLUG))
    for surface in answers.surfaces:
        if surface in answers.urls:
            answers.urls[surface] = _prompt(f"URL of {surface}?", answers.urls[surface], _matches(URL))
        _prompt_credentials(answers, surface)


def _surfaces(text: str) -> tuple[str, ...]:
    """Return the surfaces that a line names, in the order of the file; none if it names something else."""
    named = {word.lower() for word in re.split(r"[\s,]+", text) if word}
    return tuple(each for each in QUESTIONS if each in named) if named <= QUESTIONS.keys() else ()


def _prompt_credentials(answers: Answers, surface: str) -> None:
    omitted = set()
    for each in QUESTIONS[surface]:
        if each.role in omitted:
            continue
        proposed = each.proposed if each.offered else NONE
        if each.names_variable:
            reply = _prompt(each.text, proposed, _matches(VARIABLE), NO_VARIABLE)
        else:
            reply = _prompt(each.text, proposed, _matches(LOGIN))
        answers.given[each.proposed] = reply
        if each.optional and reply == NONE:
            omitted.add(each.role)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda answer: pattern.match(answer) is not None


def _prompt(question: str, proposed: str, accepted: Callable[[str], bool], hint: str = "That cannot be used.") -> str:
    while True:
        print(f"{question} [{proposed}] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise UsageMistake("the questions cannot be asked without a terminal; --yes accepts the defaults")
        answer = line.strip() or proposed
        if accepted(answer):
            return answer
        print(hint, file=sys.stderr)


def schema_reference(path: Path) -> str:
    """Return the reference to the schema: relative if the suite is below the file's folder, else absolute."""
    shipped = Path(__file__).parent.parent / "target" / "conformance.schema.json"
    folder = path.absolute().parent
    return f"./{os.path.relpath(shipped, folder)}" if shipped.is_relative_to(folder) else shipped.as_uri()


def file_text(answers: Answers, schema: str) -> str:
    """Return the content of the file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    head = HEAD.format(schema=schema)
    if answers.preset == "reference":
        return head + _reference_file(answers)
    environment = Environment(  # noqa: S701  # The result is TOML, and each answer was checked.
        loader=PackageLoader("conformance.commands"), undefined=StrictUndefined,
        variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
        trim_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    questions = [each for surface in answers.surfaces for each in QUESTIONS[surface]]
    given = {each.proposed: answers.given.get(each.proposed, each.proposed) for each in questions}
    # An omitted role stays as a comment, with the proposed names.
    marks = {
        each.role: "" if answers.given.get(each.proposed, each.proposed if each.offered else NONE) != NONE else "# "
        for each in questions
        if each.optional
    }
    given |= {name: name for name, reply in given.items() if reply == NONE}
    features = "".join(_feature_lines(answers.surfaces))
    return head + environment.get_template("conformance.toml.jinja").render(
        vars(answers) | marks | {"given": given, "features": features}
    )


def _feature_lines(surfaces: tuple[str, ...]) -> Iterator[str]:
    """Yield a line for each feature of these surfaces, as a comment unless most targets have it."""
    from conformance.contract.catalogue import catalogue

    for name, meaning in sorted(catalogue().features.items()):
        if name.partition(".")[0] in surfaces:
            yield f'  {"" if name in CLAIMED else "# "}"{name}",  # {meaning}\n'


def _reference_file(answers: Answers) -> str:
    from conformance.reference.configuration import TargetFile
    from conformance.reference.deployment import build

    deployment = build()
    deployment.urls.update(answers.urls)
    text = TargetFile(deployment, Path(RUNNING)).text()
    note = f"# Start it with: conformance reference --port {REFERENCE_PORT} --write-config {RUNNING}\n"
    return note + text.partition("\n\n")[2].replace("[targets.reference", f"[targets.{answers.target}").replace(
        "[[targets.reference", f"[[targets.{answers.target}"
    )


def _next(answers: Answers, path: Path, text: str) -> list[str]:
    names = sorted(set(re.findall(r'^\w+ = "\$\{([A-Z0-9_]+)\}"', text, re.MULTILINE)))
    start = f"conformance reference --port {REFERENCE_PORT} --write-config {path.with_name(RUNNING)} &"
    unset = [name for name in names if name not in os.environ]
    first = [start] if answers.preset == "reference" else [f"set {', '.join(unset)}"] * bool(unset)
    option = "" if path.name == "conformance.toml" else f" --config {path}"
    return [*first, f"conformance preflight{option}", f"conformance run{option}"]


HEAD = """\
#:schema {schema}
# A target of the conformance suite. Write secrets only as ${{ENV}} or file:PATH. Each surface is optional.

"""
CLAIMED = {"registry.delete", "storage.multipart"}
