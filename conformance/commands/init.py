"""``conformance init``: writes conformance.toml after a few questions.

It asks for the surfaces that there are and for the names of the variables that hold their secrets, never for a secret.
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
"""As the target file permits. A secret that is typed by mistake is hardly ever one, and is not shown again."""
NO_VARIABLE = "That is no name of a variable, such as CT_SECRET. The file holds the name, and never the secret."
LOGIN = re.compile(r"^[^\"\\\x00-\x1f\x7f]+$")
NONE = "-"


@dataclass(frozen=True)
class Question:
    """What is asked for a credential; ``proposed`` is the value that stands in the tables below.

    ``optional``: the answer may be ``-``, which leaves the table of ``role`` out, or leaves it a comment.
    """

    text: str
    proposed: str
    role: str = ""
    optional: bool = False
    offered: bool = True

    @property
    def of_variable(self) -> bool:
        """Whether the answer is the name of a variable."""
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
    """What the file is to say. ``given`` are the answers to questions, by what each proposed."""

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
    """Adds the command."""
    parser = subparsers.add_parser("init", description="Writes a commented target file.")
    parser.add_argument("--yes", action="store_true", help="ask no questions and accept every proposal")
    parser.add_argument("--preset", choices=list(PRESETS), help="the surfaces to describe")
    parser.add_argument("--target", metavar="NAME", help="the target's name in the file")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path("conformance.toml"), help="the file to write"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(arguments: argparse.Namespace) -> int:
    """Asks, writes and says what comes next; returns the exit code."""
    path: Path = arguments.config
    if path.exists() and not arguments.force:
        raise UsageMistake(f"{path} exists; --force overwrites it, --config FILE writes another")
    answers = _given(arguments)
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
    """What the file lacks for a certificate, class by class."""
    from conformance.target.completeness import missing

    if found := missing(target):
        yield "For a certificate of these classes, add these keys as well (conformance preflight says what each is):"
        for name, keys in found.items():
            yield f"  {name}: {', '.join(keys)}"


def _given(arguments: argparse.Namespace) -> Answers:
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
        reply = _prompt(f"Which surfaces are there ({proposed})?", proposed, lambda word: bool(_surfaces(word)))
        answers.surfaces = _surfaces(reply)
    answers.target = _prompt("A name for the target?", answers.target, _matches(NAME))
    answers.organization = _prompt("The slug of the organization under test?", answers.organization, _matches(SLUG))
    for surface in answers.surfaces:
        if surface in answers.urls:
            answers.urls[surface] = _prompt(f"URL of {surface}?", answers.urls[surface], _matches(URL))
        _prompt_credentials(answers, surface)


def _surfaces(text: str) -> tuple[str, ...]:
    """The surfaces that a line names, in the order of the file; none where it names something else."""
    named = {word.lower() for word in re.split(r"[\s,]+", text) if word}
    return tuple(each for each in QUESTIONS if each in named) if named <= QUESTIONS.keys() else ()


def _prompt_credentials(answers: Answers, surface: str) -> None:
    left_out = set()
    for each in QUESTIONS[surface]:
        if each.role in left_out:
            continue
        proposed = each.proposed if each.offered else NONE
        if each.of_variable:
            reply = _prompt(each.text, proposed, _matches(VARIABLE), NO_VARIABLE)
        else:
            reply = _prompt(each.text, proposed, _matches(LOGIN))
        answers.given[each.proposed] = reply
        if each.optional and reply == NONE:
            left_out.add(each.role)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda word: pattern.match(word) is not None


def _prompt(question: str, proposed: str, accepted: Callable[[str], bool], hint: str = "That cannot be used.") -> str:
    while True:
        print(f"{question} [{proposed}] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise UsageMistake("the questions cannot be asked without a terminal; --yes accepts the defaults")
        word = line.strip() or proposed
        if accepted(word):
            return word
        print(hint, file=sys.stderr)


def schema_reference(path: Path) -> str:
    """How the file names its schema: relative where the suite lies below the file's folder, else whole."""
    shipped = Path(__file__).parent.parent / "target" / "conformance.schema.json"
    folder = path.absolute().parent
    return f"./{os.path.relpath(shipped, folder)}" if shipped.is_relative_to(folder) else shipped.as_uri()


def file_text(answers: Answers, schema: str) -> str:
    """The whole file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    head = HEAD.format(schema=schema)
    if answers.preset == "reference":
        return head + _of_reference(answers)
    environment = Environment(  # noqa: S701  # The result is TOML, and each answer was checked.
        loader=PackageLoader("conformance.commands"), undefined=StrictUndefined,
        variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
        trim_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    questions = [each for surface in answers.surfaces for each in QUESTIONS[surface]]
    given = {each.proposed: answers.given.get(each.proposed, each.proposed) for each in questions}
    # A role that there is not stays as a comment, with the names that were proposed.
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
    """A line for each feature of the contract that is of these surfaces, a comment unless most targets have it."""
    from conformance.contract.catalogue import catalogue

    for name, meaning in sorted(catalogue().features.items()):
        if name.partition(".")[0] in surfaces:
            yield f'  {"" if name in CLAIMED else "# "}"{name}",  # {meaning}\n'


def _of_reference(answers: Answers) -> str:
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
