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
    head = HEAD.format(schema=schema)
    if answers.preset == "reference":
        return head + _of_reference(answers)
    values = {**{f"{name}_url": url for name, url in answers.urls.items()}, "organization": answers.organization}
    surfaces = answers.surfaces
    features = "".join(_feature_lines(surfaces))
    tables = (_with_credentials(TABLES[name], name, answers.given) for name in surfaces)
    parts = [TARGET, *tables, *([HOOKS] if "identity" in surfaces else [])]
    text = "\n".join(parts).replace("<features>", features).replace("<target>", answers.target)
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return head + text


def _with_credentials(table: str, surface: str, given: dict[str, str]) -> str:
    """A surface's table with the credentials that were told; one that there is not is left out or stays a comment."""
    for each in QUESTIONS[surface]:
        reply = given.get(each.proposed, each.proposed)
        if each.optional and each.proposed in given:
            table = _optional(table, each, reply != NONE)
        if reply != NONE:
            table = table.replace(f'"{each.proposed}"', f'"{reply}"').replace(f"${{{each.proposed}}}", f"${{{reply}}}")
    return table


def _optional(table: str, question: Question, there: bool) -> str:
    """The table with the part of a role made a comment where there is none, and none where there is."""
    head, name, rest = table.partition(f"[targets.<target>.{PLACES[question.role]}]")
    part, blank, behind = rest.partition("\n\n")
    lines = [name, *part.removesuffix("\n").split("\n")[1:]]
    plain = [line.removeprefix("# ") for line in lines]
    ended = part.endswith("\n") and not blank
    written = "\n".join(plain if there else [f"# {line}" for line in plain])
    return head.removesuffix("# ") + written + ("\n" if ended else "") + blank + behind


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
# A target of the conformance suite. Secrets stand here only as ${{ENV}} or file:PATH; every surface is optional.

"""
TARGET = """\
[targets.<target>]
organization = "<organization>"
# What the target offers beyond the core; what is not claimed is not asked. Comment out what it lacks, in what it has.
features = [
<features>]
# The most requests the suite may send:
# rate = "50/s"
# Authorities to trust besides the usual ones:
# ca_file = "authority.pem"
"""
CLAIMED = {"registry.delete", "storage.multipart"}
PLACES = {"narrow": "identity.credentials.narrow", "puller": "registry.credentials.puller"}
TABLES = {
    "identity": """\
[targets.<target>.identity]
url = "<identity_url>"

[targets.<target>.identity.credentials.full]
client_id = "ct-full"
client_secret = "${CT_FULL_SECRET}"
scopes = ["organization:read", "project:read", "project:write"]

# A credential with less: shows that scopes bind.
[targets.<target>.identity.credentials.narrow]
client_id = "ct-narrow"
client_secret = "${CT_NARROW_SECRET}"
scopes = ["organization:read"]

# More roles: foreign (of another organization), outsider (of this one, outside a hidden project), viewer (has the
# scopes, but a role in the organization that may not change things, see forbidden_to), revoked, expired, revocable (the
# suite revokes it, see hooks), short_lived (with lifetime = SECONDS), limited.

# The identity APIs that the suite may use; it never guesses a path.
[[targets.<target>.identity.resources]]
name = "organization"
path = "/api/v1/organizations/<organization>"
scope = "organization:read"
# concealed_from = ["foreign"]
# absent = "/api/v1/organizations/{slug}"
# foreign = { path = "/api/v1/organizations/other-org" }
# A list whose body tells of its next page, where no link does (RFC 8288):
# pages = { member = "next_cursor", parameter = "cursor" }

# The organization of the role foreign, with texts that stand in what it stored and nowhere else.
# [targets.<target>.foreign]
# organization = "other-org"
# canaries = ["a text of eight characters or more"]
""",
    "registry": """\
[targets.<target>.registry]
url = "<registry_url>"
# The suite keeps to this repository and to names that begin with it.
repository = "orgs/<organization>/conformance"
# foreign_repository = "orgs/other-org/app"
# A token for it that the token endpoint gave once, and that has expired: shows that it opens nothing any more.
# expired_token = "${CT_EXPIRED_REGISTRY_TOKEN}"

[targets.<target>.registry.credentials.pusher]
username = "ct-push"
password = "${CT_PUSH_PASSWORD}"

# Who may pull and not push; "foreign" is a login of another organization, "revoked" and "expired" are such as could
# pull once.
# [targets.<target>.registry.credentials.puller]
# username = "ct-pull"
# password = "${CT_PULL_PASSWORD}"
""",
    "storage": """\
[targets.<target>.storage]
endpoint = "<storage_url>"
region = "us-east-1"
# Provisioned in the portal; the suite keeps to a key prefix of its own.
buckets = ["conformance-a"]
access_key = "${CT_S3_KEY}"
secret_key = "${CT_S3_SECRET}"
# foreign_bucket = "other-orgs-bucket"  # [targets.<target>.storage.credentials.foreign] has the key of its owner.
# Whether checks may try to create and delete buckets:
# destructive = true
""",
    "webhooks": """\
[targets.<target>.webhooks]
url = "${CT_WEBHOOK_URL}"
""",
}
HOOKS = """\
# A limit that the target answers with 429; none named: it is not tried.
# [targets.<target>.limits]
# token_requests = "20/10s"

# Commands of yours that the suite may call to change state.
# [targets.<target>.hooks]
# revoke = "./revoke.sh {client_id}"
# Gives the credential viewer a role that permits changes, and takes it again:
# promote = "./promote.sh {client_id}"
# demote = "./demote.sh {client_id}"
# Where the registry wants each repository made before it is pushed to:
# make_repository = "./make.sh {repository}"
# remove_repository = "./remove.sh {repository}"

# The product, for a statement of conformance (conformance certify):
# [targets.<target>.product]
# vendor = "Acme"
# name = "Acme Cloud"
# version = "4.2"
# contact = "conformance@acme.example"
"""
