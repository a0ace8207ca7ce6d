"""Programs that push and pull images: podman, skopeo, buildah and oras.

Passwords are passed by standard input or a file, images by an OCI layout or an archive. Pulls have no cache.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from conformance.clients.programs.image_files import ImageDigests, read_folder, read_layout, write_layout
from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.runner import Crashed, Outcome, installed, run_program
from conformance.clients.registry.images import Manifest
from conformance.evidence.recorder import Recorder
from conformance.target.description import Login, Registry
from conformance.vocabulary.finding import Inconclusive, NotApplicable

# How often a program is run again after a crash (oras 1.2 sometimes crashes when its requests are refused).
CRASHES = 2
DIGEST = re.compile(r"[Dd]igest: (sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Pushed:
    """The outcome of a push, and the digest of the pushed manifest that the program reports."""

    outcome: Outcome
    digest: str = ""


@dataclass(frozen=True)
class Pulled:
    """The outcome of a pull, and the digests of the pulled image."""

    outcome: Outcome
    digests: ImageDigests = field(default_factory=ImageDigests)


@dataclass
class ImageProgram(ABC):
    """One program; NotApplicable if it is not installed."""

    recorder: Recorder
    registry: Registry
    home: Home

    name: ClassVar[str]
    unverified: ClassVar[str] = "--tls-verify=false"
    login_option: ClassVar[str] = "--authfile"
    knows_ipv6: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.path = installed(self.name)
        parts = urlsplit(self.registry.url)
        self.host, self.plain = parts.netloc, parts.scheme == "http"
        if not self.knows_ipv6 and self.host.startswith("["):
            raise NotApplicable(f"{self.name} does not support registries with an IPv6 address")

    def close(self) -> None:  # noqa: B027 (most keep nothing open)
        """Close open connections."""

    def login(self, username: str, password: str) -> Outcome:
        """Log in to the registry without an earlier login."""
        options = ["--username", username, "--password-stdin", self.host]
        file = self.home.new_folder() / "config.json"
        words = ["login", *self._insecure(), self.login_option, str(file), *options]
        return self._run(*self._storage(), *words, stdin=f"{password}\n")

    @abstractmethod
    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """Push an image under a tag; Inconclusive if the program cannot load it from a file."""

    @abstractmethod
    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """Pull a tag (``:v1``) or digest (``@sha256:…``); from an index, the image for this Linux architecture."""

    def _run(self, *words: str, stdin: str = "") -> Outcome:
        command = [self.path, *words]
        for _ in range(CRASHES):
            try:
                return run_program(self.recorder, command, self._environment(), stdin)
            except Crashed:
                continue
        return run_program(self.recorder, command, self._environment(), stdin)

    def _environment(self) -> dict[str, str]:
        return self.home.environment()

    def _local(self, *words: str) -> Outcome:
        """Run a command that needs no registry and must succeed."""
        outcome = self._run(*words)
        if outcome.exit_code != 0:
            raise Inconclusive(f"{self.name} does not work on this machine: {outcome}", f"a {self.name} that works")
        return outcome

    def _storage(self) -> list[str]:
        """Return the options for a separate image storage, for a program that has one."""
        return []

    def _insecure(self) -> list[str]:
        return [self.unverified] if self.plain else []

    def _login_file(self, login: Login | None) -> str:
        return str(self.home.login_folder(self.host, login) / "config.json")

    def _layout(self, image: Manifest) -> Path:
        folder = self.home.new_folder()
        write_layout(folder, image, "image")
        return folder

    def _pulled(self, outcome: Outcome, read: Callable[[], ImageDigests]) -> Pulled:
        """Return the digests after a pull; Inconclusive if they cannot be read."""
        if outcome.exit_code != 0:
            return Pulled(outcome)
        try:
            return Pulled(outcome, read())
        except (OSError, ValueError, KeyError, TypeError, IndexError) as mistake:
            unreadable = f"what {self.name} says that it pulled cannot be read: {type(mistake).__name__}: {mistake}"
            raise Inconclusive(unreadable, f"a {self.name} that this suite knows") from None


class Skopeo(ImageProgram):
    """skopeo: from a layout to the registry, and from the registry to a folder."""

    name = "skopeo"
    knows_ipv6 = False

    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """``skopeo copy --all oci:… docker://…``."""
        digest_file = self.home.new_folder() / "digest"
        options = ["--all", "--dest-authfile", self._login_file(login), "--digestfile", str(digest_file)]
        options += ["--dest-tls-verify=false"] if self.plain else []
        source = f"oci:{self._layout(image)}:image"
        outcome = self._run("copy", *options, source, f"docker://{self.host}/{repository}:{tag}")
        return Pushed(outcome, digest_file.read_text(encoding="utf-8").strip() if digest_file.exists() else "")

    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """``skopeo copy docker://… dir:…``."""
        folder = self.home.new_folder()
        options = ["--src-authfile", self._login_file(login), *(["--src-tls-verify=false"] if self.plain else [])]
        platform = ["--override-os", "linux", "--override-arch", architecture] if architecture else []
        source = f"docker://{self.host}/{repository}{reference}"
        outcome = self._run(*platform, "copy", *options, source, f"dir:{folder}")
        return self._pulled(outcome, lambda: read_folder(folder))


class Oras(ImageProgram):
    """oras: from a layout to the registry, and from the registry to a layout."""

    name = "oras"
    login_option = "--registry-config"

    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """``oras cp --from-oci-layout …``."""
        options = ["--to-registry-config", self._login_file(login), *self._insecure("to-")]
        # oras 1.2 crashes if two concurrent transfers are refused.
        options += ["--concurrency", "1"]
        source = f"{self._layout(image)}:image"
        outcome = self._run("cp", *options, "--from-oci-layout", source, f"{self.host}/{repository}:{tag}")
        return Pushed(outcome, printed_digest(outcome.output))

    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """``oras cp --to-oci-layout …``."""
        folder = self.home.new_folder()
        options = ["--from-registry-config", self._login_file(login), *self._insecure("from-")]
        options += ["--platform", f"linux/{architecture}"] if architecture else []
        source = f"{self.host}/{repository}{reference}"
        outcome = self._run("cp", *options, source, "--to-oci-layout", f"{folder}:image")
        return self._pulled(outcome, lambda: read_layout(folder))

    def _insecure(self, end: str = "") -> list[str]:
        """Return the option for plain HTTP or TLS: by default oras uses plain HTTP with localhost."""
        return [f"--{end}plain-http={str(self.plain).lower()}"]


class Buildah(ImageProgram):
    """buildah, with a new image storage for each operation."""

    name = "buildah"
    knows_ipv6 = False
    works = False

    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """``buildah pull oci:…``, then ``buildah push``."""
        storage, digest_file = self._storage(), self.home.new_folder() / "digest"
        loaded = self._local(*storage, "pull", "--quiet", f"oci:{self._layout(image)}:image").output.split()[-1]
        options = [*self._insecure(), "--authfile", self._login_file(login), "--digestfile", str(digest_file)]
        outcome = self._run(*storage, "push", *options, loaded, f"docker://{self.host}/{repository}:{tag}")
        return Pushed(outcome, digest_file.read_text(encoding="utf-8").strip() if digest_file.exists() else "")

    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """``buildah pull``, or ``podman pull``."""
        storage, name = self._storage(), f"{self.host}/{repository}{reference}"
        options = [*self._insecure(), "--quiet", "--authfile", self._login_file(login)]
        options += ["--platform", f"linux/{architecture}"] if architecture else []
        outcome = self._run(*storage, "pull", *options, name)
        return self._pulled(outcome, lambda: self._inspected(storage, name))

    def _storage(self) -> list[str]:
        # The vfs driver needs no privileges and no special file system.
        folder = self.home.new_folder()
        storage = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
        if not self.works:
            self._local(*storage, "images", "--quiet")
            self.works = True
        return storage

    def _inspected(self, storage: list[str], name: str) -> ImageDigests:
        inspected = json.loads(self._local(*storage, "inspect", "--type", "image", name).output)
        layers = tuple(inspected["OCIv1"]["rootfs"]["diff_ids"])
        return ImageDigests(frozenset({inspected["FromImageDigest"]}), f"sha256:{inspected['FromImageID']}", layers)


class Podman(Buildah):
    """podman: like buildah, with a different output format."""

    name = "podman"

    def _inspected(self, storage: list[str], name: str) -> ImageDigests:
        return inspected_digests(json.loads(self._local(*storage, "image", "inspect", name).output)[0])


def printed_digest(output: str) -> str:
    """Return the digest that docker and oras print after a push; "" without one."""
    found = DIGEST.search(output)
    return found[1] if found else ""


def inspected_digests(inspected: dict[str, Any]) -> ImageDigests:
    """Return the digests in the output of ``docker image inspect`` and ``podman image inspect``.

    An engine with containerd's image store reports the digest of the manifest or index as the image id.
    """
    digests = frozenset(each.partition("@")[2] for each in inspected["RepoDigests"])
    identity = f"sha256:{inspected['Id'].removeprefix('sha256:')}"
    return ImageDigests(digests, "" if identity in digests else identity, tuple(inspected["RootFS"]["Layers"]))
