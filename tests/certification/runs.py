"""Sample runs that can be certified: each requirement of two classes once, under the current contract."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from conformance import __version__
from conformance.commands.certify import _option
from conformance.contract.catalogue import catalogue
from conformance.reporting import render_all
from conformance.reporting.attestation import Product
from conformance.reporting.certification import Request
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.runs.seal import RECORD_FILES, RunSeal
from tests.reporting import samples

CLASSES = ("registry-catalog", "registry-delete")
NOW = datetime.datetime.now(datetime.UTC)
TODAY = NOW.date().isoformat()
PRODUCT = {"vendor": "Acme", "name": "Acme Cloud", "version": "4.2", "contact": "conformance@acme.example"}


def product_words() -> list[str]:
    """The options of certify that name the product."""
    return [word for name, text in PRODUCT.items() for word in (_option(name), text)]


def wanted(*classes: str, challenge: str | None = None) -> Request:
    """What is certified of a sample."""
    return Request(list(classes), Product(**PRODUCT), TODAY, challenge)


def results(*classes: str) -> list[CheckResult]:
    """A passing result for each requirement of the classes."""
    wanted = [each for each in catalogue() if each.conformance_class in (classes or CLASSES) and not each.untestable]
    return [
        samples.check(each.id, level=each.level.value, conformance_class=each.conformance_class, promise=each.promise)
        for each in wanted
    ]


def suite() -> dict[str, str]:
    """The checks of the suite, for these tests: one for each requirement."""
    return {each.id: each.id for each in catalogue() if not each.untestable}


def invented() -> CheckResult:
    """A check that no suite has."""
    return samples.check("registry/delete/invented", conformance_class="registry-delete")


def run(folder: Path, checks: list[CheckResult] | None = None, complete: bool = True, **changes: Any) -> Record:
    """A run's folder with evidence and reports, as it would be certified."""
    recorder = samples.recorder()
    found = results() if checks is None else checks
    for each in found:
        each.exchanges = each.exchanges or [samples.exchange(recorder)]
    moment = NOW.isoformat(timespec="seconds").replace("+00:00", "Z")
    values: dict[str, Any] = {
        "contract_version": catalogue().version, "contract_digest": catalogue().digest, "suite_version": __version__,
        "started": moment, "finished": moment, "exit_code": 0,
        "configuration": {**samples.CONFIGURATION, "product": PRODUCT}, "environment": {"suite_sha256": "5" * 64},
    }  # fmt: skip
    record = samples.written(folder, found, recorder, complete, **{**values, **changes})
    render_all(record)
    return record


def sealed_again(run: Path) -> None:
    """Seals a run's folder anew, as a holder of the run can who writes a program for it."""
    seal = RunSeal()
    for path in (path for pattern in RECORD_FILES for path in run.glob(pattern)):
        seal.files[path.relative_to(run).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    seal.write(run)


def keys(folder: Path, name: str = "key", ed25519: bool = False) -> tuple[Path, Path]:
    """A new pair of keys: the private one's file and the public one's."""
    key = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def waiver(until: str = "2999-12-31") -> dict[str, str]:
    """A waiver as it stands in a result."""
    return {"id": "registry/x", "reason": "mended in May", "issue": "https://tracker.example/7", "until": until}
