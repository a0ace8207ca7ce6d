"""cosign, which signs images: a signature is a separate image in the same repository."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.runner import Outcome, installed, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Login, Registry
from conformance.vocabulary.finding import Inconclusive


@dataclass
class Cosign:
    """cosign with a new key pair and no service besides the registry; NotApplicable if not installed."""

    recorder: Recorder
    registry: Registry
    home: Home

    def __post_init__(self) -> None:
        self.path = installed("cosign")
        parts = urlsplit(self.registry.url)
        self.host, self.plain = parts.netloc, parts.scheme == "http"
        self._password = secrets.token_urlsafe(16)
        self._keys = self.home.new_folder() / "cosign"
        self.recorder.redactor.learn("COSIGN_PASSWORD", self._password)
        outcome = self._run(None, "generate-key-pair", "--output-key-prefix", str(self._keys))
        if outcome.exit_code != 0:
            raise Inconclusive(f"cosign created no key pair: {outcome}", "a cosign that works")

    def sign(self, name: str, login: Login | None) -> Outcome:
        """Sign ``repository@digest``; Inconclusive if it fails without mentioning the registry."""
        options = ["--key", f"{self._keys}.key", "--tlog-upload=false", "--yes", *self._insecure()]
        outcome = self._run(login, "sign", *options, f"{self.host}/{name}")
        if outcome.exit_code != 0 and f"//{self.host}/" not in outcome.errors:
            raise Inconclusive(f"cosign did not sign: {outcome}", "a cosign that signs with a key and no log")
        return outcome

    def verify(self, name: str, login: Login | None) -> Outcome:
        """Verify the signature of ``repository@digest``."""
        options = ["--key", f"{self._keys}.pub", "--insecure-ignore-tlog=true", *self._insecure()]
        return self._run(login, "verify", *options, f"{self.host}/{name}")

    def _insecure(self) -> list[str]:
        return ["--allow-http-registry"] if self.plain else []

    def _run(self, login: Login | None, *words: str) -> Outcome:
        environment = {
            **self.home.environment(),
            "COSIGN_PASSWORD": self._password,
            "DOCKER_CONFIG": str(self.home.login_folder(self.host, login)),
        }
        return run_program(self.recorder, [self.path, *words], environment)
