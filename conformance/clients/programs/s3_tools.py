"""S3 programs: aws, rclone, s3cmd and mc, with one key and no configuration of the user.

Keys are passed by the environment or a file. Prefixes end with a slash; folders are synchronized with them.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from conformance.clients.programs.isolated_home import Home
from conformance.clients.programs.runner import Outcome, installed, run_program
from conformance.evidence.recorder import Recorder
from conformance.target.description import Secret, Storage
from conformance.vocabulary.finding import NotApplicable, NotInstalled


@dataclass
class S3Program(ABC):
    """One program with a key; NotApplicable if it is not installed, or does not support the endpoint's path."""

    recorder: Recorder
    storage: Storage
    home: Home
    secret_key: Secret | None = None

    name: ClassVar[str]
    under_a_path: ClassVar[bool] = True
    """Whether it supports an endpoint with a path, such as ``https://storage.example/s3``."""

    def __post_init__(self) -> None:
        if not self.under_a_path and urlsplit(self.storage.endpoint).path:
            raise NotApplicable(f"{self.name} does not support an endpoint with a path")
        self.path = self._found()
        self.keys = (self.storage.access_key.reveal(), (self.secret_key or self.storage.secret_key).reveal())

    @abstractmethod
    def upload(self, folder: Path, bucket: str, prefix: str) -> Outcome:
        """Upload a folder to a prefix; print the transferred files."""

    @abstractmethod
    def download(self, bucket: str, prefix: str, folder: Path) -> Outcome:
        """Download a prefix to a folder."""

    @abstractmethod
    def remove(self, bucket: str, prefix: str) -> Outcome:
        """Remove everything under a prefix."""

    @abstractmethod
    def list(self, bucket: str, prefix: str) -> Outcome:
        """List a prefix."""

    def _found(self) -> str:
        return installed(self.name)

    def _run(self, *words: str, stdin: str = "", **environment: str) -> Outcome:
        return run_program(self.recorder, [self.path, *words], {**self.home.environment(), **environment}, stdin)


class Aws(S3Program):
    """The AWS command line, ``aws s3 …`` as documented."""

    name = "aws"

    def s3(self, *words: str, stdin: str = "") -> Outcome:
        """``aws s3 --endpoint-url <endpoint> WORDS``."""
        environment = {
            "AWS_ACCESS_KEY_ID": self.keys[0],
            "AWS_SECRET_ACCESS_KEY": self.keys[1],
            "AWS_DEFAULT_REGION": self.storage.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_MAX_ATTEMPTS": "3",
            "AWS_PAGER": "",
        }
        if self.home.target.ca_file is not None:
            environment["AWS_CA_BUNDLE"] = str(self.home.trusted)
        return self._run("s3", "--endpoint-url", self.storage.endpoint, *words, stdin=stdin, **environment)

    def upload(self, folder: Path, bucket: str, prefix: str) -> Outcome:
        """``aws s3 sync FOLDER s3://…``."""
        return self.s3("sync", "--no-progress", str(folder), f"s3://{bucket}/{prefix}")

    def download(self, bucket: str, prefix: str, folder: Path) -> Outcome:
        """``aws s3 sync s3://… FOLDER``."""
        return self.s3("sync", "--no-progress", f"s3://{bucket}/{prefix}", str(folder))

    def remove(self, bucket: str, prefix: str) -> Outcome:
        """``aws s3 rm --recursive``."""
        return self.s3("rm", "--recursive", f"s3://{bucket}/{prefix}")

    def list(self, bucket: str, prefix: str) -> Outcome:
        """``aws s3 ls``."""
        return self.s3("ls", f"s3://{bucket}/{prefix}")


class Rclone(S3Program):
    """rclone, with a remote defined by environment variables."""

    name = "rclone"

    def upload(self, folder: Path, bucket: str, prefix: str) -> Outcome:
        """``rclone copy FOLDER remote:…``, which unlike ``sync`` removes nothing there."""
        return self._rclone("copy", "--verbose", str(folder), self._remote(bucket, prefix))

    def download(self, bucket: str, prefix: str, folder: Path) -> Outcome:
        """``rclone copy remote:… FOLDER``."""
        return self._rclone("copy", "--verbose", self._remote(bucket, prefix), str(folder))

    def remove(self, bucket: str, prefix: str) -> Outcome:
        """``rclone delete``."""
        return self._rclone("delete", self._remote(bucket, prefix))

    def list(self, bucket: str, prefix: str) -> Outcome:
        """``rclone lsf``."""
        return self._rclone("lsf", self._remote(bucket, prefix))

    def _remote(self, bucket: str, prefix: str) -> str:
        return f"target:{bucket}/{prefix}".rstrip("/")

    def _rclone(self, *words: str) -> Outcome:
        access_key, secret_key = self.keys
        remote = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ACCESS_KEY_ID": access_key,
            "SECRET_ACCESS_KEY": secret_key,
            "ENDPOINT": self.storage.endpoint,
            "REGION": self.storage.region,
            "NO_CHECK_BUCKET": "true",
            "UPLOAD_CUTOFF": "8Mi",
        }
        environment = {f"RCLONE_CONFIG_TARGET_{name}": value for name, value in remote.items()}
        return self._run(*words, "--config", os.devnull, "--retries", "1", **environment)


class S3cmd(S3Program):
    """s3cmd, with a temporary configuration file."""

    name = "s3cmd"
    under_a_path = False

    def upload(self, folder: Path, bucket: str, prefix: str) -> Outcome:
        """``s3cmd sync FOLDER/ s3://…/``."""
        return self._s3cmd("sync", f"{folder}/", f"s3://{bucket}/{prefix}")

    def download(self, bucket: str, prefix: str, folder: Path) -> Outcome:
        """``s3cmd sync s3://…/ FOLDER/``."""
        return self._s3cmd("sync", f"s3://{bucket}/{prefix}", f"{folder}/")

    def remove(self, bucket: str, prefix: str) -> Outcome:
        """``s3cmd del --recursive``."""
        return self._s3cmd("del", "--recursive", f"s3://{bucket}/{prefix}")

    def list(self, bucket: str, prefix: str) -> Outcome:
        """``s3cmd ls``."""
        return self._s3cmd("ls", f"s3://{bucket}/{prefix}")

    def _s3cmd(self, *words: str) -> Outcome:
        endpoint = urlsplit(self.storage.endpoint)
        options = {
            "access_key": self.keys[0],
            "secret_key": self.keys[1],
            "host_base": endpoint.netloc,
            "host_bucket": endpoint.netloc,
            "use_https": str(endpoint.scheme == "https"),
            "bucket_location": self.storage.region,
            "multipart_chunk_size_mb": "8",
        }
        if self.home.target.ca_file is not None:
            options["ca_certs_file"] = str(self.home.trusted)
        file = self.home.new_folder() / "s3cfg"
        lines = [f"{name} = {value}" for name, value in options.items()]
        file.write_text("\n".join(["[default]", *lines, ""]), encoding="utf-8")
        return self._run("--config", str(file), "--no-progress", *words)


class Mc(S3Program):
    """MinIO's client; some distributions rename it, since mc is also a file manager."""

    name = "mc"
    under_a_path = False

    def upload(self, folder: Path, bucket: str, prefix: str) -> Outcome:
        """``mc mirror FOLDER alias/…``."""
        return self._mc("mirror", str(folder), f"target/{bucket}/{prefix}")

    def download(self, bucket: str, prefix: str, folder: Path) -> Outcome:
        """``mc mirror alias/… FOLDER``."""
        return self._mc("mirror", f"target/{bucket}/{prefix}", str(folder))

    def remove(self, bucket: str, prefix: str) -> Outcome:
        """``mc rm --recursive``."""
        return self._mc("rm", "--recursive", "--force", f"target/{bucket}/{prefix}")

    def list(self, bucket: str, prefix: str) -> Outcome:
        """``mc ls``."""
        return self._mc("ls", f"target/{bucket}/{prefix}")

    def _found(self) -> str:
        path = installed("minio-client", "mcli", "mc")
        if "MinIO" not in run_program(self.recorder, [path, "--version"], self.home.environment()).output:
            raise NotInstalled("MinIO's client mc is not installed on this machine", "mc")
        return path

    def _mc(self, *words: str) -> Outcome:
        folder = self.home.new_folder()
        alias = {"url": self.storage.endpoint, "accessKey": self.keys[0], "secretKey": self.keys[1]}
        aliases = {"target": {**alias, "api": "S3v4", "path": "on"}}
        (folder / "config.json").write_text(json.dumps({"version": "10", "aliases": aliases}), encoding="utf-8")
        return self._run("--config-dir", str(folder), *words, MC_REGION=self.storage.region)
