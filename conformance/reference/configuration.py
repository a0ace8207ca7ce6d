"""The target file of the reference, like a vendor's for such a deployment.

It is written as text, since the reference shares no code with the suite that reads it.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from conformance.reference.deployment import Reference
from conformance.reference.identity import Identity
from conformance.reference.identity.records import CANARY
from conformance.reference.registry.access import SERVICE
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, SURFACE_LIMIT
from conformance.reference.webhooks import LIMITED, Webhooks

MARK = "# Written by conformance reference"
FEATURES = (
    "identity.jwt",
    "registry.delete", "registry.delete-tag", "registry.catalog", "registry.referrers", "registry.mount",
    "registry.validation", "registry.validation-index", "registry.concealment",
    "storage.multipart", "storage.conditional-write", "storage.tagging", "storage.checksums",
    "webhooks.strict-json",
)  # fmt: skip
ROLES = {
    "ct-full": "full", "ct-narrow": "narrow", "ct-foreign": "foreign", "ct-outsider": "outsider",
    "ct-revoked": "revoked", "ct-expired": "expired", "ct-revocable": "revocable", "ct-short": "short_lived",
    "ct-limited": "limited", "ct-viewer": "viewer", "ct-contributor": "contributor", "ct-restricted": "restricted",
}  # fmt: skip
LOGINS = {
    "ct-push": "pusher", "ct-pull": "puller", "ct-foreign": "foreign",
    "ct-push-revoked": "revoked", "ct-push-expired": "expired",
    "ct-pull-revocable": "revocable", "ct-pull-limited": "limited",
}  # fmt: skip
KEYS = {"CTACMEREVOCABLE01": "revocable", "CTACMELIMITED001": "limited", "CTGLOBEXKEY01": "foreign"}
LARGEST_WEBHOOK_BODY = 1024 * 1024


class WouldOverwrite(FileExistsError):
    """The file exists and was not written by the reference."""


def quoted(value: object) -> str:
    """Return a string, number or list of strings as a TOML value."""
    return json.dumps(value, ensure_ascii=False)


class TargetFile:
    """The target file of a deployment with bound sockets; its secrets are in a folder next to it.

    Building the text fills ``secrets`` with the content of each secret file.
    """

    def __init__(self, deployment: Reference, path: Path) -> None:
        self.deployment = deployment
        self.path = path
        self.seeds = deployment.seeds
        self.urls = deployment.urls
        self.folder = f"{path.stem}.secrets"
        self.secrets: dict[str, str] = {}

    def write(self) -> None:
        """Write the file, its secrets (folder 0700, files 0600) and the certificate of the registry tokens.

        Raises WouldOverwrite if something else wrote the file, OSError if it cannot be written.
        """
        path = self.path
        if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(MARK):
            raise WouldOverwrite(f"{path} exists and was not written by conformance reference; name another file")
        folder = path.parent / self.folder
        self.secrets["control-url"] = f"{self.urls['control']}/{self.deployment.control_key}"
        text = self.text(hook_table(f"file:{(folder / 'control-url').resolve()}"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        for name, value in self.secrets.items():
            _write_private(folder / name, value.encode())
        _write_private(folder / "registry-token.crt", self.deployment.key.certificate_pem)
        # Written atomically: other processes wait for the file.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        _write_private(draft, text.encode())
        draft.replace(path)

    def webhook_moved(self) -> None:
        """Update the secret file of the webhook's URL after a rotation."""
        self._webhook_urls()
        _write_private(self.path.parent / self.folder / "webhooks-url", self.secrets["webhooks-url"].encode())

    def secret(self, name: str, value: str) -> str:
        """Store a secret for its own file and return the reference to the file."""
        self.secrets[name] = value
        return quoted(f"file:{self.folder}/{name}")

    def text(self, hooks: str = "") -> str:
        """Return the content of the file, from the template next to this module."""
        from jinja2 import StrictUndefined, Template

        template = Template(
            Path(__file__).with_name("target.toml.jinja").read_text(encoding="utf-8"),
            variable_start_string="<<", variable_end_string=">>", block_start_string="<%", block_end_string="%>",
            trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined,
        )  # fmt: skip
        text: str = template.render(
            mark=MARK, folder=self.folder, features=FEATURES, roles=ROLES, logins=LOGINS, keys=KEYS, canary=CANARY,
            organization=ORGANIZATION, other_organization=OTHER_ORGANIZATION, surface_limit=SURFACE_LIMIT,
            root=f"/api/v1/organizations/{ORGANIZATION}", foreign_root=f"/api/v1/organizations/{OTHER_ORGANIZATION}",
            urls=self.urls, seeds=self.seeds, toml=quoted, secret=self.secret, webhook_urls=self._webhook_urls(),
            largest_webhook_body=LARGEST_WEBHOOK_BODY, **self._registry(), **self._storage(),
            token_limit=next(each.limit for each in self.seeds.clients if each.limit) or (0, 0.0),
        )  # fmt: skip
        return text + (f"\n{hooks}" if hooks else "")

    def _registry(self) -> dict[str, str]:
        repository, (pusher, *_) = f"orgs/{ORGANIZATION}/conformance", self.seeds.accounts
        surface = self.deployment.surfaces["identity"]
        expired = surface.expired_token(pusher.username, SERVICE, repository) if isinstance(surface, Identity) else ""
        return {"repository": repository, "expired_token": expired}

    def _storage(self) -> dict[str, Any]:
        buckets = self.seeds.buckets
        return {
            "key": next(each for each in self.seeds.access_keys if each.organization == ORGANIZATION),
            "buckets": [name for name, owner in buckets.items() if owner == ORGANIZATION],
            "foreign_bucket": next(name for name, owner in buckets.items() if owner == OTHER_ORGANIZATION),
        }

    def _webhook_urls(self) -> list[str]:
        surface = self.deployment.surfaces["webhooks"]
        paths = (surface.url_path, surface.paths[LIMITED]) if isinstance(surface, Webhooks) else ("", "")
        names = ("webhooks-url", "webhooks-limited-url")
        return [self.secret(name, self.urls["webhooks"] + path) for name, path in zip(names, paths, strict=True)]


def hook_table(control_url: str) -> str:
    """Return the table of hooks, commands that call the control URL (``file:`` and the path of a file with it)."""
    # Do not import modules from the folder in which a hook runs, unless that is the checkout.
    isolation = "" if Path.cwd() == Path(__file__).resolve().parents[2] else " -P"
    command = f"{shlex.quote(sys.executable)}{isolation} -m conformance.reference.control {shlex.quote(control_url)}"
    arguments = {
        "revoke": "revoke {client_id}", "restore": "restore {client_id}",
        "promote": "promote {client_id}", "demote": "demote {client_id}",
        "rotate_webhook": "rotate-webhook", "events": "events",
    }  # fmt: skip
    return "[targets.reference.hooks]\n" + "".join(
        f"{key} = {quoted(f'{command} {command_arguments}')}\n" for key, command_arguments in arguments.items()
    )


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
