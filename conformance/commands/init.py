"""``conformance init``: writes a conformance.toml after a few questions."""

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


@dataclass
class Answers:
    """What the file is to say."""

    preset: str = "full"
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
    parser.add_argument("--yes", action="store_true", help="ask nothing, take what is proposed")
    parser.add_argument("--preset", choices=list(PRESETS), help="what the target offers")
    parser.add_argument("--target", metavar="NAME", help="the target's name in the file")
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path("conformance.toml"), help="where to write")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def run(arguments: argparse.Namespace) -> int:
    """Asks, writes and says what comes next; returns the exit code."""
    path: Path = arguments.config
    if path.exists() and not arguments.force:
        raise UsageMistake(f"{path} exists; --force overwrites it, --config FILE writes another")
    answers = _given(arguments)
    if not arguments.yes:
        _ask_all(answers, ask_preset=arguments.preset is None)
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
    answers = Answers(preset=arguments.preset or "full")
    answers.target = arguments.target or ("reference" if answers.preset == "reference" else answers.target)
    if not NAME.fullmatch(answers.target):
        raise UsageMistake(f'--target "{answers.target}": letters, digits, "-" and "_" only')
    if answers.preset == "reference":
        for offset, name in enumerate(PRESETS["reference"]):
            answers.urls[name] = f"http://127.0.0.1:{REFERENCE_PORT + offset}"
        answers.organization = "acme"
    return answers


def _ask_all(answers: Answers, ask_preset: bool) -> None:
    if ask_preset:
        names = ", ".join(name for name in PRESETS if name != "reference")
        answers.preset = _ask(f"What does the target offer ({names})?", answers.preset, PRESETS.__contains__)
    if answers.preset == "reference":
        return
    answers.target = _ask("A name for the target?", answers.target, _matches(NAME))
    answers.organization = _ask("The slug of the organization under test?", answers.organization, _matches(SLUG))
    for surface in PRESETS[answers.preset]:
        if surface in answers.urls:
            answers.urls[surface] = _ask(f"URL of {surface}?", answers.urls[surface], _matches(URL))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda word: pattern.match(word) is not None


def _ask(question: str, proposed: str, accepted: Callable[[str], bool]) -> str:
    while True:
        print(f"{question} [{proposed}] ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise UsageMistake("no answer can be read here; --yes asks nothing")
        word = line.strip() or proposed
        if accepted(word):
            return word
        print("That cannot be used.", file=sys.stderr)


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
    surfaces = PRESETS[answers.preset]
    features = "".join(_feature_lines(surfaces))
    parts = [TARGET, *(TABLES[name] for name in surfaces), *([HOOKS] if "identity" in surfaces else [])]
    text = "\n".join(parts).replace("<features>", features).replace("<target>", answers.target)
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return head + text


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
    first = [start] if answers.preset == "reference" else [f"set {', '.join(names)}"]
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
# foreign_bucket = "other-orgs-bucket"
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
