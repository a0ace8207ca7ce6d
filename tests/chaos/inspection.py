"""Find harm in the output and the files of a run: secrets, broken files, markup and terminal escapes of the target."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import xmlschema
from jsonschema import Draft202012Validator

from tests.run.secret_search import leaks_in, pieces_of

REPORTING = Path(__file__).parent.parent / "reporting"
# What a terminal obeys, and what turns the order of a line round.
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


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


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = (files("conformance.runs") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(schema))


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


def hidden(secrets: Mapping[str, str]) -> dict[str, str]:
    """The texts that no file may contain, by the names of the reference's secrets.

    An access key's id is public, and so are a webhook's host and the claims of a token.
    """
    public = ("storage-access-key", "storage-revocable-access-key", "control-url")
    texts = {name: text.rpartition("/hooks/")[2] for name, text in secrets.items() if name not in public}
    texts["registry-expired-token"] = texts["registry-expired-token"].rpartition(".")[2]
    return texts


def complaints(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """All that is wrong with the folder of a run: a part of a secret, or a file that its readers cannot read."""
    found = [
        f"{each.file}: the secret {each.name}, {each.encoding}: {each.around}"
        for each in leaks_in(folder, pieces_of(secrets))
    ]
    return [*found, *broken(folder)]


def unfit_for_terminals(output: str) -> Iterable[str]:
    """What an output would have a terminal do."""
    found = OBEYED.finditer(output)
    return [f"{each[0]!r} in {output[max(0, each.start() - 80) : each.end() + 40]!r}" for each in found][:3]
