"""The bodies that scripts send: names of the run are made new in those, too, that are too long to stand in a script."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.reporting.reproduce.requests import body_bytes, body_file, body_lines, body_options

SHELL = str(shutil.which("sh"))
NAME, MARKS = "cf-abcdefg", {"cf-abcdefg": "cf-\0RUN\0"}
FILLING = "x" * 3000


def kept(*pieces: tuple[bytes, int]) -> dict[str, Any]:
    """A body by what it repeats."""
    told = [{"base64": base64.b64encode(unit).decode(), "times": times} for unit, times in pieces]
    return {"size": sum(len(unit) * times for unit, times in pieces), "pieces": told}


def lines(body: dict[str, Any], *secrets: str) -> tuple[list[str], dict[str, bytes]]:
    """The lines that make a body, and the files for them."""
    return body_lines(3, body, MARKS, secrets, lambda text: NAME in text)


@pytest.mark.parametrize("filling", [FILLING, f"{FILLING}\n'\"$HOME \\n €"])
def test_a_long_text_with_a_name_of_the_run_is_made_with_another(tmp_path: Path, filling: str) -> None:
    found, files = lines({"size": 3100, "text": f'{{"slug": "{NAME}", "name": "{filling}"}}'})
    assert files == {}
    script = "\n".join([f'ANSWERS="{tmp_path}" RUN=0a1b', *found])
    subprocess.run([SHELL, "-c", script], check=True)
    assert (tmp_path / "3.sent").read_text(encoding="utf-8") == f'{{"slug": "cf-0a1b", "name": "{filling}"}}'


def test_what_repeats_itself_is_made_with_another_name(tmp_path: Path) -> None:
    found, files = lines(kept((f'{{"slug": "{NAME}", "a": "'.encode(), 1), (b"ab", 20_000), (b'"}', 1)))
    assert files == {"body-3-2.bin": b"ab", "body-3-3.bin": b'"}'}
    repeated = 'repeated() { left=$2; while [ "$left" -gt 0 ]; do cat "$1"; left=$((left - 1)); done; }'
    for name, unit in files.items():
        (tmp_path / name).write_bytes(unit * 100 if name == "body-3-2.bin" else unit)
    script = "\n".join([repeated, 'ANSWERS="." RUN=0a1b', *found]).replace(" 20000 ", " 200 ")
    subprocess.run([SHELL, "-c", script], check=True, cwd=tmp_path)
    assert (tmp_path / "3.sent").read_text() == '{"slug": "cf-0a1b", "a": "' + "ab" * 20_000 + '"}'


@pytest.mark.parametrize(
    ("body", "secrets", "sent"),
    [
        ({"size": 0}, (), []),
        ({"size": 9, "text": NAME}, (), [("data-binary", NAME)]),  # which is made new where it stands
        ({"size": 3000, "text": FILLING}, (), [("data-binary", "@body-3.bin")]),
        ({"size": 3000, "text": f"$KEY {NAME} {FILLING}"}, ("KEY",), [("data-binary", f"$KEY {NAME} {FILLING}")]),
        ({"size": 1, "base64": "/w=="}, (), [("data-binary", "@body-3.bin")]),
    ],
)
def test_any_other_body_is_sent_as_it_was(
    body: dict[str, Any], secrets: tuple[str, ...], sent: list[tuple[str, str]]
) -> None:
    assert lines(body, *secrets) == ([], {})
    assert list(body_options(3, body, secrets, "")) == sent


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    found, files = lines(kept((NAME.encode() + b"\xff", 1), (b"a", 40_000)))
    assert found[0] == 'repeated body-3-1.bin 1 >>"$ANSWERS/3.sent"' and files["body-3-1.bin"].endswith(b"\xff")
    assert list(body_options(3, kept((b"a", 9)), (), "@made body 3")) == [
        ("header", "Expect:"),
        ("data-binary", "@made body 3"),
    ]
    assert (body_file(3), body_bytes({"base64": "/w=="}), body_bytes({"text": "é"})) == (
        "body-3.bin",
        b"\xff",
        "é".encode(),
    )
