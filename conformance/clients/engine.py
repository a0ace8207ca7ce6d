"""A Docker engine through the Docker SDK: its traffic is the daemon's own, so its words are the evidence.

``push`` and ``pull`` of the SDK do not raise when they are refused: the stream of events is read for an error.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.finding import NotApplicable

TIME_LIMIT_S = 60


@dataclass(frozen=True)
class Done:
    """How an operation of the engine ended: ``error`` is "" where it succeeded; ``said`` all that it told."""

    error: str
    said: str

    def __str__(self) -> str:
        return self.error or "success"


class Engine:
    """A Docker engine on this machine; NotApplicable where none answers."""

    def __init__(self, recorder: Recorder, registry_url: str) -> None:
        self.recorder = recorder
        self.registry = urlsplit(registry_url).netloc
        _reachable_from_engine(registry_url)
        self._docker = _connected()

    def close(self) -> None:
        """Ends the connection to the engine."""
        self._docker.close()

    def load(self, archive: bytes, name: str) -> None:
        """Loads an image archive (``docker load``) that holds an image of this name."""
        self._docker.images.load(archive)
        self.recorder.transcript(["docker", "load", f"# {name}"], 0, "", "", 0.0)

    def login(self, username: str, password: str) -> Done:
        """``docker login`` to the registry, with nothing cached and nothing of the person's configuration."""
        arguments = {"registry": self.registry, "reauth": True, "dockercfg_path": os.devnull}
        return self._told(
            ["docker", "login", self.registry, "--username", username],
            lambda: [self._docker.login(username, password, **arguments)],
        )

    def tag(self, name: str, repository: str, tag: str) -> None:
        """``docker tag``."""
        self._docker.images.get(name).tag(repository, tag)
        self.recorder.transcript(["docker", "tag", name, f"{repository}:{tag}"], 0, "", "", 0.0)

    def push(self, repository: str, tag: str, login: dict[str, str] | None) -> Done:
        """``docker push`` with a login, or with none."""
        return self._told(
            ["docker", "push", f"{repository}:{tag}"],
            lambda: self._docker.images.push(repository, tag, stream=True, decode=True, auth_config=login or {}),
        )

    def pull(self, repository: str, tag: str, login: dict[str, str] | None) -> Done:
        """``docker pull`` with a login, or with none."""
        return self._told(
            ["docker", "pull", f"{repository}:{tag}"],
            lambda: self._docker.api.pull(repository, tag, stream=True, decode=True, auth_config=login or {}),
        )

    def image_id(self, reference: str) -> str:
        """The id (digest of the configuration) of an image that the engine has."""
        return str(self._docker.images.get(reference).id)

    def remove(self, reference: str) -> None:
        """Removes an image from the engine."""
        self._docker.images.remove(reference, force=True)

    def _told(self, command: list[str], operation: Callable[[], Iterable[Any]]) -> Done:
        """Runs an operation, keeps its events as a transcript, and says how it ended."""
        from docker.errors import DockerException

        begun = time.perf_counter()
        events: list[str] = []
        error = ""
        try:
            for event in operation():
                events.append(str(event))
                if isinstance(event, dict) and event.get("error"):
                    error = str(event["error"])
        except (DockerException, KeyError) as refusal:
            # podman's engine tells a refusal in a form that the SDK fails to read (KeyError).
            error = str(refusal)
        said = "\n".join(events)
        self.recorder.transcript(command, 1 if error else 0, said, error, time.perf_counter() - begun)
        return Done(self.recorder.redactor.text(error), said)


def _connected() -> Any:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=TIME_LIMIT_S)
        client.ping()
    except DockerException:
        raise NotApplicable("no Docker engine answers on this machine (see DOCKER_HOST)") from None
    return client


def _reachable_from_engine(registry_url: str) -> None:
    """An engine speaks plain HTTP to loopback only, and to its own machine's loopback."""
    parts = urlsplit(registry_url)
    loopback = parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127.")
    if parts.scheme == "http" and not loopback:
        raise NotApplicable("Docker engines speak plain HTTP to loopback registries only")
    if loopback and os.environ.get("DOCKER_HOST", "unix://").split("://", 1)[0] != "unix":
        raise NotApplicable("the Docker engine is on another machine than this loopback registry")
