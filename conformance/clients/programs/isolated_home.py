"""A temporary home folder for programs, so that they use no configuration, login or storage of the user."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from conformance.target.description import Login, Target
from conformance.vocabulary.finding import NotInstalled
from conformance.vocabulary.values import basic_login

# docker uses a keychain if a configuration names no login at all.
NO_LOGIN: dict[str, dict[str, str]] = {"nobody.invalid": {}}
ACCEPT_ANYTHING = {"default": [{"type": "insecureAcceptAnything"}]}


@dataclass
class Home:
    """A home in ``root``, which the creator removes; the programs of one process share it."""

    target: Target
    root: Path
    _logins: dict[tuple[str, str, str], Path] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        containers = self.root / ".config" / "containers"
        containers.mkdir(parents=True)
        (containers / "policy.json").write_text(json.dumps(ACCEPT_ANYTHING), encoding="utf-8")
        (containers / "registries.conf").touch()
        (containers / "containers.conf").write_text(
            '[engine]\nevents_logger = "none"\ncgroup_manager = "cgroupfs"\n', encoding="utf-8"
        )
        if self.target.ca_file is not None:
            trusted = Path(certifi.where()).read_bytes() + b"\n" + Path(self.target.ca_file).read_bytes()
            self.trusted.write_bytes(trusted)

    @property
    def trusted(self) -> Path:
        """The file of trusted authorities, if the target file names additional ones."""
        return self.root / "trusted.pem"

    def environment(self) -> dict[str, str]:
        """Return the environment of every program."""
        containers = self.root / ".config" / "containers"
        variables = {
            "HOME": str(self.root),
            "TMPDIR": str(self.folder("tmp")),
            "XDG_RUNTIME_DIR": str(self.folder("run")),
            "CONTAINERS_CONF": str(containers / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(containers / "registries.conf"),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }
        if self.target.ca_file is not None:
            if sys.platform == "darwin":
                raise NotInstalled("on this system programs trust the keychain and ignore ca_file", "ca_file")
            variables["SSL_CERT_FILE"] = str(self.trusted)
        return variables

    def folder(self, name: str) -> Path:
        """Return a folder of this name; create it if necessary."""
        path = self.root / name
        path.mkdir(exist_ok=True, mode=0o700)
        return path

    def new_folder(self) -> Path:
        """Create a new folder."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def login_folder(self, registry: str, login: Login | None) -> Path:
        """Return a folder with docker's ``config.json`` for a login, or for none."""
        # The password too: roles that log in with tokens may share a username.
        name = (registry, login.username, login.password.reveal()) if login else (registry, "", "")
        if name not in self._logins:
            folder = self.new_folder()
            logins = dict(NO_LOGIN)
            if login:
                logins[registry] = {"auth": basic_login(login.username, login.password.reveal()).removeprefix("Basic ")}
            (folder / "config.json").write_text(json.dumps({"auths": logins}), encoding="utf-8")
            self._logins[name] = folder
        return self._logins[name]
