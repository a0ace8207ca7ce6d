"""What is wrong with what a run left behind, whatever the target said."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, quote_plus

import xmlschema
from jsonschema import Draft202012Validator

REPORTING = Path(__file__).parent.parent / "reporting"
# What a terminal obeys, and what turns the order of a line round.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SHORTEST = 8


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it may stand in a file: as it is, encoded, and inside base64 at each of three places."""
    raw = secret.encode()
    yield from {
        raw,
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
        raw.hex().encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(b"\x00" * shift + raw)
        # The characters at both ends hold bits of what stands beside it.
        inside = encoded[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
        if len(inside) >= SHORTEST:
            yield inside
            yield inside.translate(bytes.maketrans(b"+/", b"-_"))


def told(folder: Path, wanted: dict[bytes, str]) -> Iterator[str]:
    """Yield the files of a run that contain one of these byte strings, with its name."""
    for path in filter(Path.is_file, folder.rglob("*")):
        content = path.read_bytes()
        for form, name in wanted.items():
            if (place := content.find(form)) >= 0:
                around = content[max(0, place - 160) : place + 9]
                yield f"{path.relative_to(folder)}: {name} as {form[:9]!r}..., after {around!r}"


def broken(folder: Path) -> Iterator[str]:
    """Files of a run that their readers cannot read."""
    for path in sorted(filter(Path.is_file, folder.rglob("*"))):
        try:
            _read(path)
        except Exception as failure:
            yield f"{path.relative_to(folder)}: {type(failure).__name__}: {str(failure)[:300]}"


def _read(path: Path) -> None:
    if path.suffix == ".json":
        document = json.loads(path.read_bytes(), parse_constant=_refused)
        if path.name == "run.json":
            _validator("run").validate(document)
    elif ".ndjson" in path.suffixes:
        schema = "results" if path.name == "results.ndjson" else "evidence" if path.parent.name == "evidence" else ""
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in content.split(b"\n")[:-1]:
            document = json.loads(line, parse_constant=_refused)
            if schema:
                _validator(schema).validate(document)
    elif path.name == "junit.xml":
        JUNIT.validate(str(path))
    elif path.suffix == ".html":
        _page(path)
    elif path.suffix == ".md" or path.suffix == ".sh":
        _plain(path.read_text(encoding="utf-8"))


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _plain(text: str) -> None:
    if found := OBEYED.search(text):
        raise ValueError(f"{found[0]!r} in {text[max(0, found.start() - 60) : found.end() + 40]!r}")


JUNIT = xmlschema.XMLSchema(str(REPORTING / "junit.xsd"))
_VALIDATORS: dict[str, Draft202012Validator] = {}


def _validator(name: str) -> Draft202012Validator:
    if name not in _VALIDATORS:
        schema = (files("conformance.runs") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
        _VALIDATORS[name] = Draft202012Validator(json.loads(schema))
    return _VALIDATORS[name]


class Page(HTMLParser):
    """Collects what a page would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.harm: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes handlers of events, what is loaded, and links that run something."""
        self.tags.add(tag)
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name.startswith("on") or (name in ("src", "href") and address.startswith(("javascript:", "data:text"))):
                self.harm.append(f"<{tag} {name}={value}>")
            if name == "src" or (tag == "link" and name == "href"):
                self.harm.append(f"<{tag} {name}={value}>")


def _page(path: Path) -> None:
    page = Page()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    if page.harm or page.tags & {"img", "iframe", "object", "embed", "base"}:
        raise ValueError(f"{page.harm[:3]} {page.tags & {'img', 'iframe', 'object', 'embed', 'base'}}")
    _plain(text)


def complaints(folder: Path, secrets: dict[str, str], tokens: Iterable[str] = ()) -> list[str]:
    """All that is wrong with the folder of a run."""
    wanted = {
        form: f"the secret {name}" for name, each in secrets.items() if len(each) >= SHORTEST for form in forms(each)
    }
    wanted |= {token.encode(): "a token" for token in tokens}
    return [*told(folder, wanted), *broken(folder)]


def unfit_for_terminals(output: str) -> Iterable[str]:
    """What an output would have a terminal do."""
    found = OBEYED.finditer(output)
    return [f"{each[0]!r} in {output[max(0, each.start() - 80) : each.end() + 40]!r}" for each in found][:3]
