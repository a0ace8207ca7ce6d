"""The target file of the reference: what a vendor would write by hand for a deployment of this shape.

Written as text, since the reference shares nothing with the suite that reads it.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

from conformance.reference.deployment import Reference
from conformance.reference.identity import Identity
from conformance.reference.identity.records import CANARY
from conformance.reference.registry.access import SERVICE
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION, SURFACE_LIMIT, AccessKey
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

ROOT = f"/api/v1/organizations/{ORGANIZATION}"
FOREIGN_ROOT = f"/api/v1/organizations/{OTHER_ORGANIZATION}"
WRITE = 'scope = "project:write", forbidden_to = ["viewer"]'
DELETE = 'scope = "project:write", forbidden_to = ["viewer", "contributor"]'
RESOURCES = f"""\
[[targets.reference.identity.resources]]
name = "organization"
path = "{ROOT}"
scope = "organization:read"
concealed_from = ["foreign"]
absent = "/api/v1/organizations/{{slug}}"
foreign = {{ path = "{FOREIGN_ROOT}" }}

[[targets.reference.identity.resources]]
name = "members"
path = "{ROOT}/members"
scope = "member:read"
concealed_from = ["foreign"]
refused_by_policy = ["restricted"]
absent = "/api/v1/organizations/{{slug}}/members"
foreign = {{ path = "{FOREIGN_ROOT}/members" }}

[[targets.reference.identity.resources]]
name = "projects"
path = "{ROOT}/projects"
scope = "project:read"
concealed_from = ["foreign"]
absent = "/api/v1/organizations/{{slug}}/projects"
pages = {{ member = "next", parameter = "offset" }}
unique = "slug"
create = {{ {WRITE}, body = {{ slug = "{{slug}}", name = "{{text}}", description = "{{text}}" }} }}
update = {{ {WRITE}, body = {{ description = "{{text}}" }}, concurrency = "If-Match" }}
delete = {{ {DELETE} }}
foreign = {{ path = "{FOREIGN_ROOT}/projects", item = "{FOREIGN_ROOT}/projects/{{slug}}", slug = "globex-vault" }}

[targets.reference.identity.resources.item]
path = "{ROOT}/projects/{{slug}}"
scope = "project:read"
concealed_from = ["foreign"]
hidden_body = {{ members = ["ct-full"] }}
hidden_from = ["outsider"]

[[targets.reference.identity.resources]]
name = "secret-lab"
path = "{ROOT}/projects/secret-lab"
scope = "project:read"
concealed_from = ["outsider", "foreign"]
absent = "{ROOT}/projects/{{slug}}"
"""
FOREIGN = f"""\
[targets.reference.foreign]
organization = "{OTHER_ORGANIZATION}"
canaries = ["{CANARY}"]
"""


class WouldOverwrite(FileExistsError):
    """The file exists and was not written by the reference."""


def quoted(value: object) -> str:
    """A string, number or list of strings as a TOML value."""
    return json.dumps(value, ensure_ascii=False)


class TargetFile:
    """The target file of a deployment whose sockets are bound; its secrets stand in a folder beside it.

    ``secrets`` is filled with the content of each secret file as the text is built.
    """

    def __init__(self, deployment: Reference, path: Path) -> None:
        self.deployment = deployment
        self.path = path
        self.seeds = deployment.seeds
        self.urls = deployment.urls
        self.folder = f"{path.stem}.secrets"
        self.secrets: dict[str, str] = {}

    def write(self) -> None:
        """Writes it, its secrets (folder 0700, files 0600) and the certificate of the registry tokens.

        Raises WouldOverwrite where the file is someone else's, OSError where it cannot be written.
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
        # Whole or not at all: others wait for the file to appear.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        _write_private(draft, text.encode())
        draft.replace(path)

    def webhook_moved(self) -> None:
        """Keeps the secret file of the webhook's URL true after it was rotated."""
        self._webhooks()
        _write_private(self.path.parent / self.folder / "webhooks-url", self.secrets["webhooks-url"].encode())

    def secret(self, name: str, value: str) -> str:
        """Keeps a secret for its own file and returns the reference to it."""
        self.secrets[name] = value
        return quoted(f"file:{self.folder}/{name}")

    def text(self, hooks: str = "") -> str:
        """The whole file."""
        parts = [self._head(), self._identity(), RESOURCES, self._registry(), self._storage(), self._webhooks()]
        return "\n".join([*parts, FOREIGN, self._limits(), hooks]).rstrip("\n") + "\n"

    def _head(self) -> str:
        features = "".join(f"  {quoted(each)},\n" for each in FEATURES)
        return (
            f"{MARK}; its secrets are in {self.folder}/.\n\n"
            f"[targets.reference]\norganization = {quoted(ORGANIZATION)}\nfeatures = [\n{features}]\n"
        )

    def _identity(self) -> str:
        text = f"[targets.reference.identity]\nurl = {quoted(self.urls['identity'])}\n"
        text += 'jwks_path = "/.well-known/jwks.json"\n'
        for client in self.seeds.clients:
            role = ROLES[client.client_id]
            secret = self.secret(f"identity-{role}", client.secret)
            text += (
                f"\n[targets.reference.identity.credentials.{role}]\nclient_id = {quoted(client.client_id)}\n"
                f"client_secret = {secret}\nscopes = {quoted(list(client.scopes))}\n"
            )
            text += f"lifetime = {client.lifetime_s}\n" if role == "short_lived" else ""
        return text

    def _registry(self) -> str:
        repository, (pusher, *_) = f"orgs/{ORGANIZATION}/conformance", self.seeds.accounts
        surface = self.deployment.surfaces["identity"]
        expired = surface.expired_token(pusher.username, SERVICE, repository) if isinstance(surface, Identity) else ""
        text = (
            f"[targets.reference.registry]\nurl = {quoted(self.urls['registry'])}\n"
            f"repository = {quoted(repository)}\nexpired_token = {self.secret('registry-expired-token', expired)}\n"
            f'foreign_repository = "orgs/{OTHER_ORGANIZATION}/conformance"\nlarge_blob_mib = 12\n'
        )
        for account in self.seeds.accounts:
            role = LOGINS[account.username]
            text += (
                f"\n[targets.reference.registry.credentials.{role}]\nusername = {quoted(account.username)}\n"
                f"password = {self.secret(f'registry-{role}', account.password)}\n"
            )
        return text

    def _storage(self) -> str:
        key = next(each for each in self.seeds.access_keys if each.organization == ORGANIZATION)
        buckets = [name for name, owner in self.seeds.buckets.items() if owner == ORGANIZATION]
        foreign = next(name for name, owner in self.seeds.buckets.items() if owner == OTHER_ORGANIZATION)
        return (
            f"[targets.reference.storage]\nendpoint = {quoted(self.urls['storage'])}\nbuckets = {quoted(buckets)}\n"
            f"access_key = {self.secret('storage-access-key', key.access_key)}\n"
            f"secret_key = {self.secret('storage-secret-key', key.secret_key)}\n"
            f"foreign_bucket = {quoted(foreign)}\ndestructive = true\nlarge_object_mib = 24\n"
            + "".join(self._key(each) for each in self.seeds.access_keys if each.access_key in KEYS)
        )

    def _key(self, key: AccessKey) -> str:
        role = KEYS[key.access_key]
        return (
            f"\n[targets.reference.storage.credentials.{role}]\n"
            f"access_key = {self.secret(f'storage-{role}-access-key', key.access_key)}\n"
            f"secret_key = {self.secret(f'storage-{role}-secret-key', key.secret_key)}\n"
        )

    def _webhooks(self) -> str:
        surface = self.deployment.surfaces["webhooks"]
        paths = (surface.url_path, surface.paths[LIMITED]) if isinstance(surface, Webhooks) else ("", "")
        url, limited = (
            self.secret(name, self.urls["webhooks"] + path)
            for name, path in zip(("webhooks-url", "webhooks-limited-url"), paths, strict=True)
        )
        return (
            f'[targets.reference.webhooks]\nurl = {url}\ncontent_types = ["application/json", "text/plain"]\n'
            f"largest_body = {LARGEST_WEBHOOK_BODY}\nlimited_url = {limited}\n"
        )

    def _limits(self) -> str:
        requests, seconds = next(each.limit for each in self.seeds.clients if each.limit) or (0, 0.0)
        rates = f'token_requests = "{requests}/{seconds:g}s"\n'
        for name in ("api", "registry", "storage", "webhook"):
            rates += f'{name}_requests = "{SURFACE_LIMIT[0]}/{SURFACE_LIMIT[1]:g}s"\n'
        return f"[targets.reference.limits]\n{rates}leeway = 0\narrival = 1\n"


def hook_table(control_url: str) -> str:
    """The hooks, as commands that speak to the operator's address (``file:`` and where it stands)."""
    # Modules of the folder in which a hook is called are not ours, unless that is where we are.
    own = "" if Path.cwd() == Path(__file__).resolve().parents[2] else " -P"
    command = f"{shlex.quote(sys.executable)}{own} -m conformance.reference.control {shlex.quote(control_url)}"
    words = {
        "revoke": "revoke {client_id}", "restore": "restore {client_id}",
        "promote": "promote {client_id}", "demote": "demote {client_id}",
        "rotate_webhook": "rotate-webhook", "events": "events",
    }  # fmt: skip
    return "[targets.reference.hooks]\n" + "".join(
        f"{key} = {quoted(f'{command} {word}')}\n" for key, word in words.items()
    )


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
