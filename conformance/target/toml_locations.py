"""Find the line of a key in a TOML document, which ``tomllib`` does not report.

Only table headers and keys are read. Of values only the end matters. The document must be valid TOML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'" r"|#[^\n]*", re.DOTALL
)


def key_parts(text: str, position: int = 0) -> tuple[list[str], int]:
    """Return the parts of a dotted key and its end; no parts if no key begins at the position."""
    parts: list[str] = []
    while match := PART.match(text, position):
        quoted, literal, bare = match.groups()
        parts.append(next(part for part in (quoted, literal, bare) if part is not None))
        position = match.end()
        if not text.startswith(".", position):
            break
        position += 1
    return parts, position


@dataclass
class Locations:
    """The line (from 1) of each table and key of a document, by path; arrays of tables are indexed."""

    text: str
    lines: dict[Path, int] = field(default_factory=dict)
    _counts: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        long_strings = [match.span() for match in STRINGS.finditer(self.text) if "\n" in match.group()]
        # Blank strings and comments, but keep lines: their brackets and equals signs do not count.
        plain = STRINGS.sub(lambda match: re.sub(r"[^\n]", "_", match.group()), self.text)
        table: Path = ()
        depth = 0
        begin = 0
        for number, (line, blanked) in enumerate(zip(self.text.split("\n"), plain.split("\n"), strict=True), 1):
            if depth == 0 and not any(start < begin < end for start, end in long_strings):
                table = self._read(line, number, table)
            depth += self._opened(blanked)
            begin += len(line) + 1

    def line(self, path: Path) -> int:
        """Return the line of the path, or of its nearest parent; 1 without one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _opened(self, blanked: str) -> int:
        """Return the number of brackets that a line opens, less those that it closes."""
        return sum(blanked.count(each) for each in "[{") - sum(blanked.count(each) for each in "]}")

    def _read(self, line: str, number: int, table: Path) -> Path:
        header = re.match(r"\s*(\[\[?)", line)
        if header:
            parts, _ = key_parts(line, header.end())
            return self._table(parts, number, is_array=header[1] == "[[")
        parts, end = key_parts(line)
        if parts and line.startswith("=", end):
            for length in range(1, len(parts) + 1):
                self.lines.setdefault((*table, *parts[:length]), number)
        return table

    def _table(self, parts: list[str], number: int, is_array: bool) -> Path:
        path: Path = ()
        for index, part in enumerate(parts):
            path = (*path, part)
            self.lines.setdefault(path, number)
            last = index == len(parts) - 1
            if last and is_array:
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path = (*path, self._counts[path])
                self.lines.setdefault(path, number)
        return path
