"""Searches the files of a run for secrets in every form that gives them back: altered, encoded, compressed or cut.

Both sides are brought to one canonical form (letters and digits, in small letters, without accents or escapes), so that
escapes, punctuation, letter case and Unicode's compatibility forms make no difference. A secret is found by any piece
of it, in either direction. Base64, hexadecimal digits, gzip and zip archives are opened first.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PIECE, STEP = 10, 4
"""Characters of a piece, and between two pieces: a part of ``PIECE + STEP - 1`` letters and digits is always found."""
MOST = PIECE // 2 + 1
"""Characters of a public text that make a piece no sign of the secret."""
DEEPEST = 4
"""How many encodings may lie inside each other."""
PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
CODED = re.compile(rb"\\+u([0-9A-Fa-f]{4})")
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
HEXADECIMAL = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}")
COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
URL_SAFE = bytes.maketrans(b"-_", b"+/")
NO_WORD = bytes(each for each in range(256) if not chr(each).isalnum() or each > 127)


class Leak(NamedTuple):
    """A place where a part of a secret was found: the file, the secret's name, how it is encoded, the text around."""

    file: str
    name: str
    encoding: str
    around: str


def pieces_of(secrets: Mapping[str, str], public: Iterable[str] = ()) -> dict[bytes, str]:
    """Canonical pieces of secrets, in either direction, with their names; none most of which is of a public text."""
    hidden = [canonical(each.encode()) for each in public]
    shown = {each[at : at + MOST] for one in hidden for each in (one, one[::-1]) for at in range(len(each) - MOST + 1)}
    pieces: dict[bytes, str] = {}
    for name, secret in secrets.items():
        whole = canonical(secret.encode())
        for letters in (whole, whole[::-1]):
            for start in range(0, len(letters) - PIECE + 1, STEP):
                piece = letters[start : start + PIECE]
                if not any(piece[at : at + MOST] in shown for at in range(PIECE - MOST + 1)):
                    pieces[piece] = name
    return pieces


def canonical(content: bytes) -> bytes:
    """The letters and digits of a text, in small letters: without escapes, accents, and other forms of letters."""
    for _ in range(2):
        content = PERCENT.sub(lambda match: bytes([int(match[1], 16)]), content)
    content = CODED.sub(lambda match: chr(int(match[1], 16)).encode("utf-8", "replace"), content)
    if b"&" in content:
        content = html.unescape(content.decode("utf-8", "replace")).encode()
    if not content.isascii():
        content = unicodedata.normalize("NFKD", content.decode("utf-8", "replace")).casefold().encode("ascii", "ignore")
    return content.translate(None, NO_WORD).lower()


def leaks_in(folder: Path, pieces: Mapping[bytes, str]) -> list[Leak]:
    """Every part of a secret that is found in a folder's files and in their names, a few of each file."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        named = str(path.relative_to(folder))
        found += [Leak(named, *each) for each in parts_in(path.read_bytes() + b"\n" + named.encode(), pieces)]
    return found


def parts_in(content: bytes, pieces: Mapping[bytes, str]) -> list[tuple[str, str, str]]:
    """The names of the secrets of which a part is in some bytes, how the part is encoded there, the text around it."""
    found = []
    for encoding, reading in _readings(content, ""):
        text = canonical(reading)
        for piece, name in pieces.items():
            if (place := text.find(piece)) >= 0:
                found.append((name, encoding or "plain", text[max(0, place - 60) : place + 60].decode()))
    return found


def _readings(content: bytes, how: str) -> Iterator[tuple[str, bytes]]:
    """Some bytes, and what is encoded in them; ``how`` names the encodings that were removed already."""
    yield how, content
    if how.count(" in ") >= DEEPEST:
        return
    inner: list[tuple[str, bytes]] = []
    if content.startswith(COMPRESSED):
        inner.append(("compressed", _inflated(content)))
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inner += [("zipped", archive.read(each)) for each in archive.namelist()]
    inner += [("base64", each) for each in _by_base64(content)]
    inner.append(("hexadecimal", b"\n".join(map(binascii.unhexlify, HEXADECIMAL.findall(content)))))
    for encoding, plain in inner:
        if plain:
            yield from _readings(plain, f"{encoding} in {how}" if how else encoding)


def _by_base64(content: bytes) -> Iterator[bytes]:
    """What the long words of a text are the base64 of: each that is compressed, and all others as one text."""
    others = []
    # A solidus may be escaped, and in a URL each mark.
    unescaped = PERCENT.sub(lambda match: bytes([int(match[1], 16)]), content.replace(b"\\/", b"/"))
    for word in BASE64.findall(unescaped):
        whole = word.translate(URL_SAFE)[: len(word) // 4 * 4 + (len(word) % 4 if len(word) % 4 > 1 else 0)]
        plain = base64.b64decode(whole + b"=" * (-len(whole) % 4))
        if plain.startswith(COMPRESSED):
            yield plain
        else:
            others.append(plain)
    yield b"\n".join(others)


def _inflated(content: bytes) -> bytes:
    """As much of compressed bytes as can be read, every member of gzip; nothing where they are none."""
    plain = b""
    while content.startswith(COMPRESSED):
        inflating = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            plain += inflating.decompress(content)
        except zlib.error:
            break
        content = inflating.unused_data
    return plain
