"""S3 programs get their keys without arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.s3_tools import Aws, Mc, Rclone, S3cmd, S3Program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Secret, Storage, Target
from conformance.vocabulary.finding import NotApplicable

KEY, SECRET = "AKIAEXAMPLEEXAMPLE", "the-secret-key/with+odd%characters"
ENDPOINT = "http://127.0.0.1:9000"
STORAGE = Storage(
    endpoint=ENDPOINT,
    region="elsewhere-1",
    buckets=["one"],
    access_key=Secret("KEY", KEY),
    secret_key=Secret("SECRET", SECRET),
)
SHOW = """#!/bin/sh
printf '%s\\n' "$*" >>"$0.told"
[ "$1" = --version ] && echo "{version}"
for word; do [ -d "$word" ] && cat "$word/config.json"; [ -f "$word" ] && cat "$word"; done
env
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AWS_PROFILE", "production")
    return folder


def made(kind: type[S3Program], path: Path, name: str, version: str = "MinIO", **more: Any) -> Any:
    """A program that shows its configuration and environment."""
    (path / name).write_text(SHOW.format(version=version), encoding="utf-8")
    (path / name).chmod(0o755)
    root = path.parent / "home"
    root.mkdir()
    return kind(Recorder(), STORAGE, Home(Target(organization="acme", **more), root))


@pytest.mark.parametrize(("kind", "name"), [(Aws, "aws"), (Rclone, "rclone"), (S3cmd, "s3cmd"), (Mc, "minio-client")])
def test_programs_get_keys_without_arguments_and_the_region(
    kind: type[S3Program], path: Path, name: str, tmp_path: Path
) -> None:
    program = made(kind, path, name)

    outcomes = [
        program.list("one", "a/"),
        program.upload(tmp_path, "one", "a/"),
        program.download("one", "a/", tmp_path),
        program.remove("one", "a/"),
    ]

    told = (path / f"{name}.told").read_text(encoding="utf-8")
    for secret in (KEY, SECRET):
        assert secret not in told
        assert secret in outcomes[0].output
    assert told.count("one/a") == 4
    assert "production" not in outcomes[0].output
    assert "elsewhere-1" in outcomes[0].output, "a gateway may refuse another region and not say which it is"


def test_the_file_manager_mc_is_not_taken_for_minios_client(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}/bin")
    (path / "minio-client").symlink_to("/bin/true")
    with pytest.raises(NotApplicable, match="MinIO's client"):
        made(Mc, path, "mc", "GNU Midnight Commander")
