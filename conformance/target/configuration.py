"""Find, read and validate ``conformance.toml``; name all its mistakes at once.

    loaded = load(None, Path.cwd())
    name, target = loaded.choose(None)

No exception of this module contains a secret.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from conformance.target.description import SHORTEST_SECRET, ConfigurationFile, Secret, Target
from conformance.target.errors import Mistake, choices, nearest, path_text, pydantic_mistakes
from conformance.target.references import BODIES, References, is_secret, item_annotation, member_annotation, secrets_in
from conformance.target.semantic_validation import NAMELESS, is_nameless, semantic_mistakes
from conformance.target.toml_locations import Locations

FILE_NAME = "conformance.toml"
LARGEST_FILE = 4 * 1024 * 1024


class ConfigurationError(Exception):
    """The target file cannot be used: every mistake, with its place and its correction."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class NoConfiguration(Exception):
    """There is no ``conformance.toml`` here or above."""


@dataclass(frozen=True)
class Configuration:
    """A target file that was read: the usable ``targets``, and what each other target is ``missing``."""

    path: Path
    targets: dict[str, Target]
    missing: dict[str, list[str]] = field(default_factory=dict)

    def choose(self, name: str | None) -> tuple[str, Target]:
        """Return the target of that name, or the only one; ConfigurationError if there is none, or several."""
        names = sorted([*self.targets, *self.missing])
        if name is None:
            if len(names) > 1:
                listed = ", ".join(names)
                raise ConfigurationError([f"{self.path}: several targets ({listed}); choose one with --target"])
            name = names[0]
        if name in self.missing:
            raise ConfigurationError(self.missing[name])
        if name not in self.targets:
            hint = nearest(name, names, choices(names))
            raise ConfigurationError([f'{self.path}: no target "{name}"{hint}'])
        return name, self.targets[name]


def load(path: Path | None, start: Path) -> Configuration:
    """Read the given file, or the nearest ``conformance.toml`` from ``start`` upwards.

    Raises NoConfiguration if there is no file, ConfigurationError with every mistake. A missing secret makes only its
    own target unusable, if another one is usable.
    """
    found = locate(path, start)
    named = path or found
    text = _text(found, named)
    data = _parsed(named, text)
    return _Reading(named, found.parent, Locations(text)).configuration(data)


def locate(path: Path | None, start: Path) -> Path:
    """Return the path of the given target file, or of the nearest; NoConfiguration if there is neither."""
    return start / path if path else find(start)


def find(start: Path) -> Path:
    """Return the nearest ``conformance.toml``, up to the repository's root; NoConfiguration if there is none."""
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
        if (folder / ".git").exists():
            break
    raise NoConfiguration(f"no {FILE_NAME} in {start} or above; conformance init writes one")


def _text(found: Path, path: Path) -> str:
    try:
        with found.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as reason:
        raise ConfigurationError([f"{path}: cannot be read: {reason.strerror}"]) from None
    if len(raw) > LARGEST_FILE:
        raise ConfigurationError([f"{path}: larger than {LARGEST_FILE // 1024**2} MiB; not a target file"])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as reason:
        line = raw[: reason.start].count(b"\n") + 1
        raise ConfigurationError([f"{path}:{line}: not UTF-8, as TOML must be"]) from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        what, _, where = str(mistake).rpartition(" (at ")
        line = "".join(filter(str.isdigit, where.partition(",")[0])) or str(text.count("\n") + 1)
        raise ConfigurationError([f"{path}:{line}: not TOML: {what or mistake}"]) from None
    except RecursionError:
        raise ConfigurationError([f"{path}: not a target file: nested too deeply"]) from None


@dataclass
class _Reading:
    """The conversion of one file from parsed TOML to typed targets."""

    path: Path
    folder: Path
    places: Locations

    def configuration(self, data: dict[str, Any]) -> Configuration:
        if is_nameless(data):
            raise ConfigurationError(self._sentences([Mistake(("targets",), NAMELESS)]))
        references = References(self.folder)
        resolved = references.resolved(data, ConfigurationFile)
        try:
            described = ConfigurationFile.model_validate(resolved)
            mistakes = references.mistakes
        except ValidationError as error:
            # Not chained to the ValidationError, whose text repeats the input.
            found = pydantic_mistakes([dict(each) for each in error.errors(include_url=False)], ConfigurationFile)
            mistakes, described = [*references.mistakes, *found], None
        mistakes = [*mistakes, *semantic_mistakes(resolved)]
        # A value whose variable is missing is only reported as missing.
        absent = {each.path for each in references.missing}
        mistakes = [each for each in mistakes if each.path not in absent]
        missing = self._by_target(references.missing)
        if described is None or mistakes or set(missing) >= set(described.targets):
            raise ConfigurationError(self._sentences([*mistakes, *references.missing]))
        for name, target in described.targets.items():
            target.set_environment_values(references.environment_values.get(name, {}))
        return self._usable(described, missing)

    def _usable(self, described: ConfigurationFile, missing: dict[str, list[str]]) -> Configuration:
        targets = {name: self._placed(target) for name, target in described.targets.items() if name not in missing}
        mistakes = [mistake for name, target in targets.items() for mistake in _authorities(name, target)]
        if mistakes:
            raise ConfigurationError(self._sentences(mistakes))
        return Configuration(self.path, targets, missing)

    def _placed(self, target: Target) -> Target:
        """Return the target with ``ca_file`` resolved against the target file's folder."""
        if target.ca_file is None:
            return target
        return target.model_copy(update={"ca_file": str((self.folder / target.ca_file).absolute())})

    def _by_target(self, mistakes: Iterable[Mistake]) -> dict[str, list[str]]:
        found: dict[str, list[Mistake]] = {}
        for mistake in mistakes:
            found.setdefault(str(mistake.path[1]) if len(mistake.path) > 1 else "", []).append(mistake)
        return {name: self._sentences(each) for name, each in found.items()}

    def _sentences(self, mistakes: Iterable[Mistake]) -> list[str]:
        """Return the mistakes as unique lines in the order of the file."""
        placed = [(self.places.line(mistake.path), path_text(mistake.path), mistake.text) for mistake in mistakes]
        lines = []
        for line, where, text in sorted(set(placed), key=lambda each: (each[0], placed.index(each))):
            lines.append(f"{self.path}:{line}: {where}: {text}" if where else f"{self.path}:{line}: {text}")
        return lines


def _authorities(name: str, target: Target) -> Iterator[Mistake]:
    if target.ca_file is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(target.ca_file)
    except (OSError, ValueError) as reason:
        why = "no certificate in PEM in it" if isinstance(reason, ssl.SSLError) else getattr(reason, "strerror", reason)
        yield Mistake(("targets", name, "ca_file"), f"{Path(target.ca_file).name} cannot be used: {why}")


def secrets(target: Target) -> Iterator[Secret]:
    """Yield every secret of a target."""
    return secrets_in(target)


def hidden(target: Target) -> list[Secret]:
    """Return the environment values in commands and bodies that may be secret."""
    values = [each for each in target.environment_values if len(each.reveal()) >= SHORTEST_SECRET]
    # A value that the file has elsewhere, such as the name of the organization, is public.
    public = list(texts_in(_without(values, target))) if values else []
    return [each for each in values if not any(each.reveal() in text for text in public)]


def texts_in(plain: Any) -> Iterator[str]:
    """Yield every text of JSON data, including names of members."""
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        for name, value in plain.items():
            yield name
            yield from texts_in(value)
    elif isinstance(plain, list | tuple):
        for each in plain:
            yield from texts_in(each)


def redacted(target: Target) -> dict[str, Any]:
    """Return the description as plain JSON data: secrets as ``$NAME``, and no commands, which may contain secrets."""
    return _without(hidden(target), target)


def _without(values: Iterable[Secret], target: Target) -> dict[str, Any]:
    """Return the redacted description, with ``$NAME`` where a body has one of these values."""
    plain: dict[str, Any] = _plain(target)
    for body in _bodies_in(plain):
        for each in values:
            _replace(body, each.reveal(), f"${each.name}")
    plain["hooks"] = {name: "a command" for name, command in plain["hooks"].items() if command is not None}
    if target.ca_file is not None:
        plain["ca_file"] = Path(target.ca_file).name
    return plain


def _bodies_in(plain: Any) -> Iterator[dict[str, Any]]:
    for key, value in plain.items() if isinstance(plain, dict) else enumerate(plain):
        if key in BODIES and isinstance(value, dict):
            yield value
        elif isinstance(value, dict | list):
            yield from _bodies_in(value)


def _replace(body: Any, value: str, name: str) -> None:
    """Replace a value by a name in all texts of a body."""
    for key, found in list(body.items() if isinstance(body, dict) else enumerate(body)):
        if isinstance(found, str):
            body[key] = found.replace(value, name)
        elif isinstance(found, dict | list):
            _replace(found, value, name)


def from_record(plain: dict[str, Any], reveal: Callable[[str], str]) -> Target:
    """Restore the target from its redacted description; ``reveal`` returns a secret's value for its name.

    Its ``ca_file`` is left out, because that file is elsewhere. Raises ConfigurationError for an invalid description.
    """
    try:
        return Target.model_validate(_with_secrets({**plain, "ca_file": None}, Target, reveal))
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise ConfigurationError([f"the target's description in the record cannot be read, at {place}"]) from None


def _with_secrets(value: Any, model: Any, reveal: Callable[[str], str]) -> Any:
    """Return the value with a Secret wherever the model has one; ``model`` is the annotation of the value."""
    if isinstance(value, str) and is_secret(model) and value.startswith("$"):
        return Secret(value[1:], reveal(value[1:]))
    if isinstance(value, list):
        return [_with_secrets(each, item_annotation(model), reveal) for each in value]
    if isinstance(value, dict):
        return {key: _with_secrets(each, member_annotation(model, key), reveal) for key, each in value.items()}
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return f"${value.name}"
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def fingerprint(target: Target) -> str:
    """Return SHA-256 of the redacted description: equal for two runs of one target, whatever its version."""
    described = {name: each for name, each in redacted(target).items() if name != "product"}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
