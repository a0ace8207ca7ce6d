"""The seal of a run: ``SHA256SUMS`` in its folder, the digest of every other file, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

SUMS = "SHA256SUMS"


class SealError(Exception):
    """A folder cannot be sealed, or is not as it was sealed: which file and why."""


def seal(folder: Path) -> str:
    """Writes the sums of a folder and gives their own digest; SealError where there is something else than files."""
    sums = _sums(folder)
    try:
        (folder / SUMS).write_bytes(sums)
    except OSError as failure:
        raise SealError(f"{folder / SUMS}: cannot be written ({failure.strerror})") from None
    return hashlib.sha256(sums).hexdigest()


def unseal(folder: Path, digest: str) -> None:
    """Holds a folder against its sums, and these against their digest; SealError names what is not as it was."""
    path = folder / SUMS
    if not path.is_file():
        raise SealError(f"{path}: is missing; it tells the digest of every file of the run")
    found = _sums(folder)
    if hashlib.sha256(found).hexdigest() == digest and path.read_bytes() == found:
        return
    if path.stat().st_size > 10 * len(found) + 1_000_000 or _digest(path) != digest:
        raise SealError(f"{path}: is not the file that was signed")
    raise SealError(_difference(folder, _by_name(path.read_bytes()), _by_name(found)))


def _difference(folder: Path, signed: dict[str, str], found: dict[str, str]) -> str:
    told = [f"{name} was changed" for name in sorted(signed.keys() & found) if signed[name] != found[name]]
    told += [f"{name} is missing" for name in sorted(signed.keys() - found.keys())]
    told += [f"{name} was added" for name in sorted(found.keys() - signed.keys())]
    more = f" (and {len(told) - 1} more differences)" if len(told) > 1 else ""
    return f"{folder}: {told[0]} after the run was signed{more}"


def _sums(folder: Path) -> bytes:
    lines = [f"{_digest(path)}  {name}\n" for name, path in sorted(_files(folder)) if name != SUMS]
    return "".join(lines).encode()


def _by_name(sums: bytes) -> dict[str, str]:
    lines = (line.partition("  ") for line in sums.decode().splitlines())
    return {name: digest for digest, _, name in lines}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file with its name in the folder; whatever is no plain file could change under the seal."""
    for parent, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise SealError(f"{path}: is neither a file nor a folder; a run holds nothing else")
        for name in names:
            told = Path(parent, name).relative_to(folder).as_posix()
            if "\\" in told or not told.isprintable():
                raise SealError(f"{folder}: holds a file whose name cannot be listed: {told!r}")
            yield told, Path(parent, name)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as failure:
        raise SealError(f"{path}: cannot be read ({failure.strerror})") from None
