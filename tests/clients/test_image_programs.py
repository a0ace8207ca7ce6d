"""Image programs get their logins without arguments, and their own failures are no findings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance.clients.programs.docker_engine import Docker
from conformance.clients.programs.image_files import digests_in
from conformance.clients.programs.image_tools import Buildah, ImageProgram, Oras, Podman, Skopeo
from conformance.clients.programs.isolated_home import Home
from conformance.clients.registry.images import image
from conformance.evidence.recorder import Recorder
from conformance.target.description import Login, Registry, Secret, Target
from conformance.vocabulary.finding import Inconclusive, NotApplicable

PASSWORD = "the-password-of-the-pusher"
LOGIN = Login(username="ct-push", password=Secret("PUSH_PASSWORD", PASSWORD))
PROGRAM = """#!/bin/sh
printf '%s\\n' "$*" >>"$0.told"
{script}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked in for programs, before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


def made(kind: type[ImageProgram], path: Path, script: str, url: str = "http://127.0.0.1:5000", **more: Any) -> Any:
    """A program whose every call runs a script."""
    file = path / kind.name
    file.write_text(PROGRAM.format(script=script), encoding="utf-8")
    file.chmod(0o755)
    root = path.parent / "home"
    root.mkdir()
    registry = Registry(url=url, repository="orgs/acme/conformance")
    return kind(Recorder(), registry, Home(Target(organization="acme", **more), root))


def told(path: Path, kind: type[ImageProgram]) -> str:
    return (path / f"{kind.name}.told").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Docker, Podman, Skopeo, Buildah, Oras])
def test_a_password_is_passed_on_standard_input(kind: type[ImageProgram], path: Path) -> None:
    program = made(kind, path, "cat")

    outcome = program.login("ct-push", PASSWORD)

    assert outcome.output.strip() == PASSWORD
    assert PASSWORD not in told(path, kind)
    assert "ct-push" in told(path, kind)


@pytest.mark.parametrize("kind", [Docker, Podman, Skopeo, Buildah, Oras])
def test_a_login_is_passed_in_a_file(kind: type[ImageProgram], path: Path) -> None:
    program = made(kind, path, "echo sha256:0")

    program.push(image("a"), "orgs/acme/app", "v1", LOGIN)

    assert PASSWORD not in told(path, kind)
    (folder,) = {program.home.login_folder(program.host, LOGIN)}
    assert str(folder) in told(path, kind)


@pytest.mark.parametrize("kind", [Podman, Skopeo, Buildah])
def test_an_unsupported_address_is_not_applicable(kind: type[ImageProgram], path: Path) -> None:
    with pytest.raises(NotApplicable, match="IPv6"):
        made(kind, path, "true", "https://[::1]:5000")


def test_an_image_that_skopeo_pulled_is_read(path: Path) -> None:
    content = image("a", layers=2)
    folder = path.parent / "image"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(content.content)
    for blob in content.blobs:
        (folder / blob.digest.partition(":")[2]).write_bytes(blob.content)
    program = made(Skopeo, path, f'for last; do :; done; cp -r {folder}/. "${{last#dir:}}"')

    assert program.pull("orgs/acme/app", ":v1", LOGIN).digests == digests_in(content)


@pytest.mark.parametrize("kind", [Podman, Buildah])
def test_broken_local_storage_is_inconclusive(kind: type[ImageProgram], path: Path) -> None:
    program = made(kind, path, "echo 'Error: configure storage' >&2; exit 125")

    with pytest.raises(Inconclusive, match="does not work on this machine"):
        program.login("ct-push", PASSWORD)
    with pytest.raises(Inconclusive, match="does not work on this machine"):
        program.pull("orgs/acme/app", ":v1", LOGIN)
    assert "login" not in told(path, kind)


def test_a_crash_is_inconclusive(path: Path) -> None:
    crash = "printf 'panic: store of odd value\\n\\ngoroutine 19 [running]:\\n' >&2; exit 2"
    with pytest.raises(Inconclusive, match="crashed: panic: store of odd value"):
        made(Oras, path, crash).push(image("a"), "orgs/acme/app", "v1", LOGIN)


def test_a_program_that_crashed_is_run_again(path: Path) -> None:
    once = '[ -f "$0.crashed" ] && exit 0; touch "$0.crashed"; echo "panic: x\n\ngoroutine 1 [running]:" >&2; exit 2'
    program = made(Oras, path, once)

    assert program.push(image("a"), "orgs/acme/app", "v1", LOGIN).outcome.exit_code == 0
    assert len(told(path, Oras).splitlines()) == 2


@pytest.mark.parametrize("url", ["http://registry.example", "https://127.0.0.1:5000"])
def test_a_remote_engine_cannot_reach_a_local_registry(path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere.example:2376")
    with pytest.raises(NotApplicable, match="Docker engine"):
        made(Docker, path, "true", url)


@pytest.mark.parametrize(
    ("url", "said", "why"),
    [
        ("https://127.0.0.1:5000", "Head http://127.0.0.1:5000/v2/: 400 Bad Request", "plain HTTP"),
        ("https://registry.example", "x509: certificate signed by unknown authority", "does not trust"),
    ],
)
def test_an_engine_with_other_tls_settings_is_inconclusive(url: str, said: str, why: str, path: Path) -> None:
    (authority := path.parent / "ca.pem").touch()
    script = f'case "$*" in *login*) cat; echo "{said}" >&2; exit 1;; esac'
    with pytest.raises(Inconclusive, match=why):
        made(Docker, path, script, url, ca_file=str(authority)).login("ct-push", PASSWORD)
