"""Writing of run records, format 1 (``reading`` reads them).

``run.json``        what was tested and with what (see ``RunInfo``)
``results.ndjson``  a header line; a ``check`` line for each judged check; ``amendment`` lines for verdicts that
                    changed at the end of an area; a footer line that says whether the run is complete
``evidence/*.ndjson.gz``  the exchanges and transcripts, one a line, by worker (see ``EvidenceWriter``)
``seal.json``       the digests of these files, signed by the process that wrote them (see ``seal``)

Every line is a JSON object with ``kind``.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from conformance.runs.seal import RunSeal
from conformance.vocabulary.verdict import Verdict

FORMAT = 2
EXAMPLES = "examples"
"""The folder of a run with the failing examples, in Hypothesis's format."""
LONGEST_NAME = 80
AS_JSON = "backslashreplace"
"""UTF-8 cannot encode a lone surrogate: it is written as a JSON escape (RFC 8259 section 7)."""
LEFTOVERS = "leftovers.json"
COMPRESSION = 1
"""The gzip level of evidence: higher ones cost twice the time and save a tenth of the space."""
STORED_ONCE = 4096
"""A body longer than this many characters is written once per file, and referred to by its digest."""
BODIES = ("request_body", "response_body")
CONTENTS = ("text", "base64")


class RecordError(Exception):
    """A run folder cannot be read or written: which, where and why."""


@dataclass
class RunInfo:
    """The content of ``run.json``. ``started`` and ``finished`` are RFC 3339 in UTC; ``configuration`` is redacted.

    ``target_file``: the target file; None for the embedded reference.
    ``plan``: of a shard, the digest of the assignment of all ``planned`` checks to shards.
    ``parts``: of a merged run, the runs that were merged.
    ``class_sizes``: the number of checks of each conformance class, selected or not.
    ``promises``: by id, each with title, document, section, quote, url, class, surface and consequence.
    ``waivers_file``, ``waivers``: the file of waivers that the run read, and its entries; None if not recorded.
    ``challenge``: a certifier's value, from which the seed was derived.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    run_id: str
    target: str
    started: str
    suite_version: str
    contract_version: str
    contract_digest: str
    seed: int
    explore: int
    profile: str
    selection: list[str]
    shard: str | None
    strict: bool
    workers: int
    configuration: dict[str, Any]
    fingerprint: str
    features: list[str]
    preflight: list[dict[str, Any]] = field(default_factory=list)
    secret_names: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    target_file: str | None = None
    waivers_file: str | None = None
    waivers: list[dict[str, str]] | None = None
    plan: str | None = None
    planned: int | None = None
    class_sizes: dict[str, int] = field(default_factory=dict)
    promises: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    challenge: str | None = None
    finished: str | None = None
    duration_s: float = 0.0
    requests: int = 0
    exit_code: int | None = None
    format: int = FORMAT

    def is_part(self, checks: int) -> bool:
        """Return whether a run of so many checks (including not-applicable ones) covers only a part of the contract."""
        return bool(self.selection or self.shard) or checks < sum(self.class_sizes.values())


@dataclass
class CheckResult:
    """One ``check`` line.

    ``id``: the requirement's id, plus ``#case``; ``promise``: the id of its promise.
    ``findings``: each with expected, observed, hint, exchanges (ids) and curl.
    ``exchanges``: the ids of all recorded exchanges; ``clause``: document, section, quote and url.
    ``reason``: why a check is not-applicable, inconclusive or an error; ``needs``: what would change that.
    ``names_made``: how many names its worker had made before, so that a replay makes the same names.
    ``whole_run``: the check judges everything that the run, or its shard, recorded.
    ``optional``: the contract permits that the check is not-applicable; ``lacks``: what the target file or the
    machine lacks: keys such as ``hooks.revoke``, or ``program:docker``.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str
    requirement: str
    title: str
    area: str
    level: str
    conformance_class: str
    clause: dict[str, Any]
    verdict: str
    duration_s: float
    promise: str = ""
    purpose: str = ""
    method: list[str] = field(default_factory=list)
    feature: str | None = None
    reason: str = ""
    needs: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[str] = field(default_factory=list)
    requests: int = 0
    events: dict[str, int] = field(default_factory=dict)
    nodeid: str = ""
    worker: str = ""
    names_made: int | None = None
    whole_run: bool = False
    optional: bool = False
    lacks: list[str] = field(default_factory=list)
    waiver: dict[str, Any] | None = None

    @property
    def failing(self) -> bool:
        """Whether the verdict is fail."""
        return self.verdict == Verdict.FAIL

    @property
    def went_well(self) -> bool:
        """Whether the verdict is pass or not-applicable."""
        return self.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)

    def text(self) -> str:
        """Return the result as JSON text, the form in which a worker sends it."""
        return json.dumps(vars(self))

    @classmethod
    def of(cls, text: str) -> CheckResult:
        """Return the result in such a text."""
        return cls(**json.loads(text))


DEFAULTS = {
    each.name for each in fields(CheckResult) if each.default is not MISSING or each.default_factory is not MISSING
}
"""The fields that a check line omits if they have their default value, which is false or empty."""


class EvidenceWriter:
    """Writes one file of evidence: NDJSON, compressed with gzip, one gzip member a check.

    Each member is written at once and flushed, so that a killed process leaves every complete check readable. A long
    body has a ``body`` line of its own before its first use; the exchanges refer to it by digest.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab")
        self._sum = hashlib.sha256()
        self._stored: set[str] = set()

    @property
    def digest(self) -> str:
        """The SHA-256 of the file so far, in hexadecimal."""
        return self._sum.hexdigest()

    def write(self, entries: Iterable[dict[str, Any]]) -> None:
        """Write the entries of one check; OSError if the file cannot be written."""
        lines = [line for entry in entries for line in self._lines(entry)]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        # Without a time stamp, the same evidence has the same digest.
        data = gzip.compress(text.encode("utf-8", AS_JSON), COMPRESSION, mtime=0) if text else b""
        self._file.write(data)
        self._file.flush()
        self._sum.update(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lines(self, entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield lines for long bodies that are not in the file yet, then the entry, which refers to them."""
        referring = dict(entry)
        for name in BODIES:
            body = entry.get(name, {})
            content = {kind: body[kind] for kind in CONTENTS if len(body.get(kind, "")) > STORED_ONCE}
            if not content:
                continue
            digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
            if digest not in self._stored:
                self._stored.add(digest)
                yield {"kind": "body", "digest": digest, **content}
            referring[name] = {kind: each for kind, each in body.items() if kind not in content} | {"stored": digest}
        yield referring


class RecordWriter:
    """Writes ``results.ndjson`` line by line, each flushed, so that a killed run has its results.

    ``reserved``: ``folder_for`` made the folder for this run. RecordError if the folder contains a run, even one that
    begins at the same time, or cannot be written.
    """

    def __init__(self, folder: Path, info: RunInfo, reserved: bool = False) -> None:
        self.folder = folder
        self.info = info
        self.seal = RunSeal()
        self._sum = hashlib.sha256()
        self._made = reserved or not folder.exists()
        with self._writing("choose another with --out"):
            folder.mkdir(parents=True, exist_ok=True)
            self._claim()
            (folder / "evidence").mkdir(exist_ok=True)
            self._lines: BinaryIO = (folder / "results.ndjson").open("wb")
            self.write_info()
        self._write({"kind": "header", "format": FORMAT, "run_id": info.run_id, "target": info.target})

    def _claim(self) -> None:
        try:
            (self.folder / "run.json").open("x").close()
        except FileExistsError:
            raise RecordError(f"{self.folder}: already contains a run; choose another folder with --out") from None

    def write_info(self) -> None:
        """Write ``run.json`` in its current state."""
        self._write_file("run.json", json.dumps(asdict(self.info), indent=1, ensure_ascii=False))

    def evidence(self, name: str, digest: str) -> None:
        """Note the SHA-256 of a file of evidence in its current state."""
        self.seal.files[f"evidence/{name}"] = digest

    def check(self, result: CheckResult) -> None:
        """Write the line of one check, without the fields that have their default value."""
        self._write(
            {"kind": "check", **{name: value for name, value in vars(result).items() if name not in DEFAULTS or value}}
        )

    def amend(self, check_id: str, verdict: Verdict, reason: str) -> None:
        """Change the verdict of a check already written."""
        self._write({"kind": "amendment", "id": check_id, "verdict": verdict, "reason": reason})

    def close(self, complete: bool, counts: dict[str, int], leftovers: Sequence[dict[str, str]] = ()) -> None:
        """Write the leftovers, the final ``run.json``, the footer and the seal."""
        footer = {"kind": "footer", "complete": complete, "counts": counts, "exit_code": self.info.exit_code}
        with self._writing():
            # Several checks may have tried to remove the same leftover.
            unique = [dict(each) for each in dict.fromkeys(tuple(each.items()) for each in leftovers)]
            self._write_file(LEFTOVERS, json.dumps(unique, indent=1))
            self.write_info()
        self._write(footer)
        self._lines.close()
        self.seal.files["results.ndjson"] = self._sum.hexdigest()
        with self._writing():
            self.seal.write(self.folder)

    def discard(self) -> None:
        """Remove the folder of an abandoned run, unless the folder existed before."""
        if self._made:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", AS_JSON) + b"\n"
        with self._writing():
            self._lines.write(data)
            self._lines.flush()
        self._sum.update(data)

    def _write_file(self, name: str, text: str) -> None:
        data = text.encode("utf-8", AS_JSON) + b"\n"
        (self.folder / name).write_bytes(data)
        self.seal.files[name] = hashlib.sha256(data).hexdigest()

    @contextmanager
    def _writing(self, consequence: str = "what the record lacks is not judged") -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            raise RecordError(f"{self.folder}: cannot be written ({failure.strerror}); {consequence}") from None


def folder_for(target: str, reports: Path) -> Path:
    """Make a new folder for a run of a target; its name cannot lead into another folder.

    It is made at once, since other runs may begin in the same second. RecordError if that fails.
    """
    name = re.sub(r"[^\w.-]+", "-", target)[:LONGEST_NAME]
    folder = reports / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{name}"
    while True:
        free = free_folder(folder)
        try:
            free.mkdir(parents=True)
        except FileExistsError:
            if not free.is_dir():
                raise RecordError(f"{free}: cannot be made; choose another with --out") from None
        except OSError as failure:
            raise RecordError(f"{free}: cannot be made ({failure.strerror}); choose another with --out") from None
        else:
            return free


def remove_if_empty(folder: Path | None) -> None:
    """Remove a folder that was made for a run, if it is empty."""
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()


def free_folder(folder: Path) -> Path:
    """Return the folder; if it exists, the first free one of ``-2``, ``-3``, …."""
    free = folder
    number = 2
    while free.exists():
        free = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return free
