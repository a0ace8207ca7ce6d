"""Programs run with a home folder of their own, which contains their logins."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from conformance.clients.programs.isolated_home import Home
from conformance.target.description import Login, Secret, Target

LOGIN = Login(username="ct-push", password=Secret("PUSH_PASSWORD", "pa:ss"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(Target(organization="acme"), tmp_path)


def test_a_login_is_stored_like_dockers_and_readable_only_by_us(home: Home) -> None:
    folder = home.login_folder("registry.example", LOGIN)

    kept = json.loads((folder / "config.json").read_text(encoding="utf-8"))["auths"]["registry.example"]["auth"]
    assert base64.b64decode(kept) == b"ct-push:pa:ss"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert home.login_folder("registry.example", LOGIN) == folder


def test_an_anonymous_login_keeps_keychains_out(home: Home) -> None:
    kept = json.loads((home.login_folder("registry.example", None) / "config.json").read_text(encoding="utf-8"))
    assert kept["auths"] and "registry.example" not in kept["auths"]


def test_every_path_of_the_environment_is_in_the_home(home: Home) -> None:
    told = home.environment()
    paths = {name: value for name, value in told.items() if "/" in value}
    assert {"HOME", "TMPDIR", "XDG_RUNTIME_DIR", "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF"} == set(paths)
    for path in paths.values():
        assert Path(path).exists()
        assert Path(path).is_relative_to(home.root)


def test_an_additional_authority_is_trusted(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("OURS\n", encoding="ascii")
    (tmp_path / "home").mkdir()

    home = Home(Target(organization="acme", ca_file=str(authority)), tmp_path / "home")

    trusted = Path(home.environment()["SSL_CERT_FILE"]).read_text(encoding="utf-8")
    assert trusted.endswith("OURS\n")
    assert "BEGIN CERTIFICATE" in trusted
