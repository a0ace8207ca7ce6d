"""A local Docker engine, by the docker program and by the Docker SDK; the engine itself talks to the registry.

Images are removed after each operation, so each pull fetches every byte. The SDK's ``push`` and ``pull`` do not raise
if refused: the event stream contains the error.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.programs.image_files import ImageDigests, docker_archive
from conformance.clients.programs.image_tools import ImageProgram, Pulled, Pushed, inspected_digests, printed_digest
from conformance.clients.programs.runner import Outcome, expect_not_rate_limited
from conformance.clients.registry.images import Manifest
from conformance.target.description import Login
from conformance.target.proxies import on_loopback
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotInstalled

TIME_LIMIT_S = 60
ENGINE = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
NO_ENGINE = "no Docker engine answers on this machine (see DOCKER_HOST)"


class Docker(ImageProgram):
    """The docker program."""

    name = "docker"

    def __post_init__(self) -> None:
        _reachable_from_engine(self.registry.url)
        super().__post_init__()
        if self._run("version", "--format", "{{.Server.Version}}").exit_code != 0:
            raise NotInstalled(NO_ENGINE, "docker")

    def login(self, username: str, password: str) -> Outcome:
        """``docker login``."""
        options = ["--username", username, "--password-stdin", self.host]
        return self._expect_trust(self._run(*self._as(None), "login", *options, stdin=f"{password}\n"))

    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """``docker load``, ``docker push``."""
        name, archive = f"{self.host}/{repository}:{tag}", self.home.new_folder() / "image.tar"
        archive.write_bytes(docker_archive(image, name))
        self._local("load", "--input", str(archive))
        try:
            outcome = self._expect_trust(self._run(*self._as(login), "push", name))
        finally:
            self._run("rmi", "--force", name)
        return Pushed(outcome, printed_digest(outcome.output))

    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """``docker pull``."""
        name = f"{self.host}/{repository}{reference}"
        options = ["--platform", f"linux/{architecture}"] if architecture else []
        try:
            outcome = self._expect_trust(self._run(*self._as(login), "pull", *options, name))
            return self._pulled(outcome, lambda: self._inspected(name))
        finally:
            self._run("rmi", "--force", name)

    def _inspected(self, name: str) -> ImageDigests:
        return inspected_digests(json.loads(self._local("image", "inspect", name).output)[0])

    def _as(self, login: Login | None) -> list[str]:
        return ["--config", str(self.home.login_folder(self.host, login))]

    def _environment(self) -> dict[str, str]:
        where = {name: os.environ[name] for name in ENGINE if name in os.environ}
        return {**where, **super()._environment()}

    def _expect_trust(self, outcome: Outcome) -> Outcome:
        """Return the outcome; Inconclusive if the engine failed because of its own TLS settings.

        It may not trust the authorities of the target file, and may use plain HTTP with any loopback registry.
        """
        if outcome.exit_code == 0:
            return outcome
        if self.home.target.ca_file is not None and "x509:" in outcome.text:
            needs = f"the authorities of ca_file in /etc/docker/certs.d/{self.host}/ca.crt of the engine"
            raise Inconclusive("the Docker engine does not trust the registry's certificate", needs)
        if not self.plain and f"http://{self.host}/" in outcome.text:
            raise Inconclusive("the Docker engine speaks plain HTTP with this registry", "a registry not on loopback")
        return outcome


class DockerSdk(Docker):
    """The engine, by the Docker SDK for Python."""

    name = "docker-sdk"

    def __post_init__(self) -> None:
        import docker
        from docker.errors import DockerException

        _reachable_from_engine(self.registry.url)
        parts = urlsplit(self.registry.url)
        self.host, self.plain = parts.netloc, parts.scheme == "http"
        try:
            self._engine = docker.from_env(timeout=TIME_LIMIT_S)
            self._engine.ping()
        except DockerException:
            raise NotInstalled(NO_ENGINE, "docker") from None

    def login(self, username: str, password: str) -> Outcome:
        """``login`` without the SDK's cache and the user's configuration."""
        options: dict[str, Any] = {"registry": self.host, "reauth": True, "dockercfg_path": os.devnull}
        command = ["docker", "login", "--username", username, self.host]
        return self._run_recorded(command, lambda: [self._engine.login(username, password, **options)])

    def push(self, image: Manifest, repository: str, tag: str, login: Login | None) -> Pushed:
        """``images.load``, ``images.push``."""
        name = f"{self.host}/{repository}"
        self._load(docker_archive(image, f"{name}:{tag}"))
        options: dict[str, Any] = {"stream": True, "decode": True, "auth_config": _auth(login)}
        try:
            command = ["docker", "push", f"{name}:{tag}"]
            outcome = self._run_recorded(command, lambda: self._engine.images.push(name, tag, **options))
        finally:
            self._remove(f"{name}:{tag}")
        return Pushed(outcome, printed_digest(outcome.output))

    def pull(self, repository: str, reference: str, login: Login | None, architecture: str = "") -> Pulled:
        """``pull`` of the SDK's low-level API, which returns events."""
        name = f"{self.host}/{repository}{reference}"
        options: dict[str, Any] = {"stream": True, "decode": True, "auth_config": _auth(login)}
        options |= {"platform": f"linux/{architecture}"} if architecture else {}
        platform = ["--platform", options["platform"]] if architecture else []
        try:
            command = ["docker", "pull", *platform, name]
            outcome = self._run_recorded(command, lambda: self._engine.api.pull(name, **options))
            return self._pulled(outcome, lambda: inspected_digests(self._engine.images.get(name).attrs))
        finally:
            self._remove(name)

    def close(self) -> None:
        """Close the connection to the engine."""
        self._engine.close()

    def _load(self, archive: bytes) -> None:
        from docker.errors import DockerException

        try:
            self._engine.images.load(archive)
        except DockerException as refusal:
            raise Inconclusive(
                f"the Docker engine cannot load an image: {refusal}", "a Docker engine that works"
            ) from None

    def _remove(self, name: str) -> None:
        from docker.errors import DockerException

        with suppress(DockerException):
            self._engine.images.remove(name, force=True)

    def _run_recorded(self, command: list[str], operation: Callable[[], Iterable[Any]]) -> Outcome:
        """Run an operation and record its events as a transcript; exit code 1 means an error."""
        from docker.errors import DockerException

        started = time.perf_counter()
        events: list[str] = []
        error = ""
        try:
            for event in operation():
                members = event if isinstance(event, dict) else {}
                events.append(str(members.get("status") or event))
                error = str(members.get("error") or error)
        except (DockerException, KeyError) as refusal:
            # The SDK fails to parse a refusal of podman's engine (KeyError).
            error = str(refusal)
        output, code = "\n".join(events), 1 if error else 0
        transcript = self.recorder.transcript(command, code, output, error, time.perf_counter() - started)
        return self._expect_trust(expect_not_rate_limited(self.name, Outcome(code, output, error, transcript)))


def _auth(login: Login | None) -> dict[str, str]:
    return {"username": login.username, "password": login.password.reveal()} if login else {}


def _reachable_from_engine(registry_url: str) -> None:
    """Check that the engine can reach the registry: plain HTTP needs loopback, and loopback the same machine."""
    loopback = on_loopback(registry_url)
    if registry_url.startswith("http:") and not loopback:
        raise NotApplicable("Docker engines speak plain HTTP to loopback registries only")
    if loopback and os.environ.get("DOCKER_HOST", "unix://").split("://", 1)[0] != "unix":
        raise NotInstalled("the Docker engine is on another machine than this loopback registry", "docker")
