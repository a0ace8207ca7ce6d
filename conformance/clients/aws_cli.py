"""The AWS command line against the S3 gateway, with nothing of the person's own configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from conformance.clients.program import Outcome, installed, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Secret, Storage


@dataclass
class AwsCli:
    """Runs ``aws s3 …`` with one key; the secrets travel in its environment."""

    recorder: Recorder
    storage: Storage
    secret_key: Secret | None = None
    path: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = installed("aws")

    def s3(self, *words: str, standard_input: str = "") -> Outcome:
        """``aws s3 --endpoint-url <endpoint> WORDS``, as the documentation prints it."""
        command = [self.path, "s3", "--endpoint-url", self.storage.endpoint, *words]
        return run_program(self.recorder, command, self._environment(), standard_input)

    def _environment(self) -> dict[str, str]:
        nothing = os.devnull
        return {
            "AWS_ACCESS_KEY_ID": self.storage.access_key.reveal(),
            "AWS_SECRET_ACCESS_KEY": (self.secret_key or self.storage.secret_key).reveal(),
            "AWS_DEFAULT_REGION": self.storage.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
