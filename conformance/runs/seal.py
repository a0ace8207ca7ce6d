"""The two seals of a run's folder.

``seal.json``   written by the run itself: the digest of each file of the record, advanced with every line as it is
                written, signed with a key that the reporting process makes and never stores
``SHA256SUMS``  written by ``certify``: the digest of every other file, as ``sha256sum -c`` reads it
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUMS = "SHA256SUMS"
SEAL = "seal.json"
FORMAT = 1
RECORD_FILES = ("run.json", "results.ndjson", "leftovers.json", "evidence/*")
LARGEST_SEAL = 1 << 20


class SealError(Exception):
    """A folder cannot be sealed, or was changed since: the file and the reason."""


class RunSeal:
    """The seal of a run in progress: digests of what the run wrote, not of what is on the disk later."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        # The import is slow, and nothing needs it before the run's end.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.generate()

    @property
    def key(self) -> str:
        """The public key of this run's seal, in hexadecimal."""
        return self._key.public_key().public_bytes_raw().hex()

    def write(self, folder: Path) -> None:
        """Sign the digests and write ``seal.json``; OSError if it cannot be written."""
        content = {"format": FORMAT, "files": self.files, "key": self.key}
        signature = self._key.sign(_canonical(content)).hex()
        text = json.dumps({**content, "signature": signature}, indent=1, sort_keys=True)
        (folder / SEAL).write_text(text + "\n", encoding="utf-8")


def check_run_seal(folder: Path) -> str:
    """Verify a run's seal and return its public key; SealError names the first file that was changed."""
    content = _read_seal(folder / SEAL)
    found = {path.relative_to(folder).as_posix(): path for each in RECORD_FILES for path in folder.glob(each)}
    for name in sorted(content["files"].keys() | found.keys()):
        if name not in found:
            raise SealError(f"{folder / name}: is missing; it was removed after the run ended")
        if name not in content["files"]:
            raise SealError(f"{folder / name}: was added after the run ended")
        if _digest(found[name]) != content["files"][name]:
            raise SealError(f"{folder / name}: was changed after the run ended")
    return str(content["key"])


def _read_seal(path: Path) -> dict[str, Any]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        with path.open(encoding="utf-8") as file:
            content = json.loads(file.read(LARGEST_SEAL))
        signature = bytes.fromhex(content.pop("signature"))
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(content["key"])).verify(signature, _canonical(content))
        if content["format"] != FORMAT or not isinstance(content["files"], dict):
            raise ValueError
    except FileNotFoundError:
        raise SealError(f"{path}: is missing; an older suite made the run, or the file was removed") from None
    except OSError as failure:
        raise SealError(f"{path}: cannot be read ({failure.strerror})") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, InvalidSignature):
        raise SealError(f"{path}: was changed after the run ended") from None
    return dict(content)


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def seal(folder: Path) -> str:
    """Write the digests of a folder's files and return the digest of that list; SealError if it has special files."""
    sums = _sums(folder)
    try:
        (folder / SUMS).write_bytes(sums)
    except OSError as failure:
        raise SealError(f"{folder / SUMS}: cannot be written ({failure.strerror})") from None
    return hashlib.sha256(sums).hexdigest()


def unseal(folder: Path, digest: str) -> None:
    """Compare a folder with its digests, and these with the signed digest; SealError names what was changed."""
    path = folder / SUMS
    if not path.is_file():
        raise SealError(f"{path}: is missing; it has the digest of every file of the run")
    found = _sums(folder)
    if hashlib.sha256(found).hexdigest() == digest and path.read_bytes() == found:
        return
    if path.stat().st_size > 10 * len(found) + 1_000_000 or _digest(path) != digest:
        raise SealError(f"{path}: is not the file that was signed")
    raise SealError(_difference(folder, _by_name(path.read_bytes()), _by_name(found)))


def _difference(folder: Path, signed: dict[str, str], found: dict[str, str]) -> str:
    differences = [f"{name} was changed" for name in sorted(signed.keys() & found) if signed[name] != found[name]]
    differences += [f"{name} is missing" for name in sorted(signed.keys() - found.keys())]
    differences += [f"{name} was added" for name in sorted(found.keys() - signed.keys())]
    more = f" (and {len(differences) - 1} more differences)" if len(differences) > 1 else ""
    return f"{folder}: {differences[0]} after the run was signed{more}"


def _sums(folder: Path) -> bytes:
    lines = [f"{_digest(path)}  {name}\n" for name, path in sorted(_files(folder)) if name != SUMS]
    return "".join(lines).encode()


def _by_name(sums: bytes) -> dict[str, str]:
    lines = (line.partition("  ") for line in sums.decode().splitlines())
    return {name: digest for digest, _, name in lines}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file with its name in the folder; a special file could change unnoticed, so SealError."""
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise SealError(f"{path}: is neither a file nor a folder; a run holds nothing else")
        for name in names:
            listed = Path(parent, name).relative_to(folder).as_posix()
            if "\\" in listed or not listed.isprintable():
                raise SealError(f"{folder}: holds a file whose name cannot be listed: {listed!r}")
            yield listed, Path(parent, name)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as failure:
        raise SealError(f"{path}: cannot be read ({failure.strerror})") from None
