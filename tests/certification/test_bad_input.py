"""Keys, statements and folders that cannot be used: one message, the designed exit code, no traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conformance.commands import main
from tests.certification import runs

PRIVATE, PUBLIC = "is a private key; verifying takes the public one", "is a public key; signing takes the private one"
# name of the file: how openssl makes it, what certify says of it, what verify says of it (None: it may be used).
KEYS = {
    "rsa": (["openssl", "genrsa"], "is a key of another kind (RSA); it must be EC P-256 or Ed25519", PRIVATE),
    "p384": (
        ["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout"],
        "is a key of another kind (EC secp384r1)", PRIVATE,
    ),
    "encrypted": (["openssl", "pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x"], "is encrypted", PRIVATE),
    "public": (["openssl", "pkey", "-in", "key.pem", "-pubout"], PUBLIC, None),
    "rsa-public": (
        ["sh", "-c", "openssl genrsa | openssl pkey -pubout"], PUBLIC, "is a key of another kind (RSA)",
    ),
    "sec1": (["openssl", "ecparam", "-name", "prime256v1", "-genkey"], None, PRIVATE),
    "ed25519": (["openssl", "genpkey", "-algorithm", "ed25519"], None, PRIVATE),
    "garbage": (["echo", "not a key"], "is not a private key in PEM", "is not a public key in PEM"),
    "empty": (["true"], "is not a private key in PEM", "is not a public key in PEM"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    runs.keys(tmp_path)
    runs.run(tmp_path / "run")
    assert main(["certify", "run", "--key", "key.pem", "--out", "s.jsonl"]) == 0
    return tmp_path


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_cannot_be_used(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, certify, verify = KEYS[name]
    Path("it.pem").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    capsys.readouterr()
    code = main(["certify", "run", "--key", "it.pem", "--out", "other.jsonl"])
    told = capsys.readouterr().err
    assert (code, f"it.pem: {certify}" in told) == ((4, True) if certify else (0, False)), told
    code = main(["verify", "s.jsonl", "--key", "it.pem"])
    told = capsys.readouterr().err
    assert (code, f"it.pem: {verify}" in told) == ((4, True) if verify else (0, False)), told
    assert told.count("\n") <= 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "s.jsonl: is empty"),
        (b"\xff\xfe", "s.jsonl: is not a statement"),
        (b"{}\n", "s.jsonl:1: it is not a signed statement"),
        (b"[" * 100_000 + b"\n", "s.jsonl:1: it is not a signed statement"),
        (b'{"payload":1,"payloadType":2,"signatures":3}\n', "s.jsonl:1: it is not a signed statement"),
        (b'{"payload":"e30=","payloadType":"x","signatures":[]}\n', "s.jsonl:1: it is not in the form"),
    ],
    ids=["empty", "binary", "no envelope", "deep", "other types", "unsigned"],
)
def test_a_malformed_statement_is_refused(content: bytes, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.jsonl").write_bytes(content)
    assert main(["verify", "s.jsonl", "--key", "key.public.pem"]) == 1
    assert f"REFUSED  {told}" in capsys.readouterr().out
    assert main(["statement", "show", "s.jsonl"]) == 4
    assert told in capsys.readouterr().err


def test_missing_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = ["--key", "key.public.pem"]
    Path("empty").mkdir()
    for words, told in (
        (["verify", "none.jsonl", *key], "none.jsonl: there is no such file"),
        (["verify", "s.jsonl", "none", *key], "none: there is no such folder"),
        (["certify", "none", "--key", "key.pem", "--out", "x"], "none: no run.json; not a run's folder"),
        (
            ["certify", "run", "--key", "key.pem", "--out", "no/x"],
            "no/x: cannot be written (No such file or directory)",
        ),
        (["certify", "run", "--key", "key.pem", "--out", "run/x"], "--out run/x: is in the run's folder"),
    ):
        assert main(words) == 4
        assert told in capsys.readouterr().err
    assert main(["verify", "s.jsonl", "empty", *key]) == 1
    assert "REFUSED  empty/SHA256SUMS: is missing" in capsys.readouterr().out


def test_a_run_with_something_else_than_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("run/link").symlink_to("/etc/passwd")
    assert main(["certify", "run", "--key", "key.pem", "--out", "t.jsonl"]) == 4
    assert capsys.readouterr().err == "run/link: is neither a file nor a folder; a run holds nothing else\n"
    Path("run/link").unlink()
    Path("run/a\nb").touch()
    assert main(["verify", "s.jsonl", "run", "--key", "key.public.pem"]) == 1
    assert "holds a file whose name cannot be listed" in capsys.readouterr().out
