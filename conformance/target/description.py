"""The typed description of a target: the keys of ``conformance.toml``.

The JSON Schema that ships with the package is generated from these models. Every surface is optional.
One schema: the file stays whole above 400 lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from conformance.target.logins import WithLogins
from conformance.vocabulary.finding import Inconclusive, NotDeclared
from conformance.vocabulary.values import host_and_port

RATE = re.compile(r"^(\d+)/(\d*(?:\.\d+)?)s$")
URL = re.compile(r"^(?P<scheme>https?)://(?P<authority>[^/?#\s]+)(?P<path>[^?#\s]*)$", re.IGNORECASE)

SHORTEST_SECRET = 4
"""The fewest characters of a secret: shorter ones occur in any text, so redaction cannot remove them."""


class Secret:
    """A value that is never shown: records and commands contain its ``name`` instead.

    ``file`` is its path for commands; "" if it is in no file, or in none below the current folder.
    """

    __slots__ = ("_value", "file", "name")

    def __init__(self, name: str, value: str, file: str = "") -> None:
        self.name = name
        self.file = file
        self._value = value

    def reveal(self) -> str:
        """Return the value, for use in requests only."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret(${self.name})"


def _url(value: str) -> str:
    """Return the normalised URL: host in lower case, no default port (RFC 3986 section 6.2)."""
    matched = URL.match(value)
    if matched is None:
        raise ValueError("must be an http:// or https:// URL without query or fragment")
    if "@" in matched["authority"]:
        raise ValueError("must not carry a user name or password; credentials have keys of their own")
    scheme = matched["scheme"].lower()
    try:
        host, port, authority = host_and_port(scheme, matched["authority"])
    except ValueError:
        host, port, authority = "", 0, ""
    if not host or not port:
        raise ValueError("must name a host, and a port from 1 to 65535 if any")
    return f"{scheme}://{authority}{matched['path'].rstrip('/')}"


def parse_rate(value: str) -> tuple[int, float]:
    """Parse ``"50/s"`` or ``"20/10s"`` to (requests, seconds); ValueError for other text."""
    match = RATE.match(value)
    if not match or not int(match[1]) or (match[2] and not float(match[2])):
        raise ValueError('must be a rate such as "50/s" or "20/10s"')
    return int(match[1]), float(match[2] or 1)


def _rate(value: str) -> str:
    parse_rate(value)
    return value


Url = Annotated[str, AfterValidator(_url)]
Rate = Annotated[str, AfterValidator(_rate)]
Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]
BucketName = Annotated[str, Field(pattern=r"^[^/\s]+$")]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Described(BaseModel):
    """A table of the target file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


SecretValue = Annotated[
    Secret,
    Field(
        json_schema_extra={"type": "string", "pattern": r"^(\$\{[A-Z][A-Z0-9_]*\}|file:.+)$"},
        description="A reference: ${ENV} or file:PATH. The secret has at least 4 characters. The preflight warns of a "
        "short secret or a dictionary word: redaction cannot tell it from ordinary text.",
    ),
]


class Credential(Described):
    """An OAuth client ("credential") in one role."""

    client_id: str = Field(min_length=1, description="The public client id.")
    client_secret: SecretValue
    scopes: list[str] = Field(default_factory=list, description="The scopes that the credential was created with.")
    lifetime: float | None = Field(
        default=None, gt=0, description="The lifetime of its tokens in seconds, if it is short."
    )


MediaType = Annotated[
    str,
    Field(
        pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$",
        description="The media type of the JSON body, such as application/merge-patch+json.",
    ),
]


ForbiddenTo = Annotated[
    list[str], Field(description="Roles that have the scope, but whose role in the organization forbids it.")
]


class Create(Described):
    """How one more object of a resource is created."""

    method: Method = "POST"
    scope: str | None = Field(default=None, description="The scope that permits it.")
    body: dict[str, Any] = Field(
        description="A valid body. {slug} and {text} in its strings are replaced by new values each time. A string "
        "with {text} may contain any text; other values are sent unchanged."
    )
    content_type: MediaType = "application/json"
    forbidden_to: ForbiddenTo = []


class Item(Described):
    """One object of a resource that was created with a slug."""

    path: Path = Field(description="Its path; {slug} is replaced.")
    scope: str | None = Field(default=None, description="The scope that permits reading it.")
    concealed_from: list[str] = Field(
        default_factory=list, description="Roles for which it must look as if it never existed."
    )
    hidden_body: dict[str, Any] | None = Field(
        default=None, description="Members to add to create.body for an object that is concealed from hidden_from."
    )
    hidden_from: list[str] = Field(default_factory=list, description="Roles from which such an object is concealed.")


class Update(Described):
    """How an object of a resource is changed, and how a concurrent update is detected."""

    method: Method = "PATCH"
    scope: str | None = None
    body: dict[str, Any] = Field(description="A valid body; {slug} and {text} are replaced.")
    content_type: MediaType = "application/json"
    forbidden_to: ForbiddenTo = []
    concurrency: str | None = Field(default=None, description='"If-Match", or the member of the body with the version.')


class Delete(Described):
    """How an object of a resource is deleted."""

    method: Method = "DELETE"
    scope: str | None = None
    forbidden_to: ForbiddenTo = []


class Pages(Described):
    """How a list names its next page, if it has no link of the relation next (RFC 8288)."""

    member: str = Field(
        min_length=1, description="The member of the body that names it; dots lead into members: meta.next."
    )
    parameter: str | None = Field(
        default=None, min_length=1, description="The query parameter that takes its value; none: it is an address."
    )
    invalid_is_ignored: bool = Field(
        default=False, description="The documentation says that an invalid value of the parameter counts as none."
    )


class Foreign(Described):
    """The same API in the organization of the role foreign."""

    path: Path = Field(
        description="The resource's path there, which returns 2xx to the role foreign. It is the same path if the "
        "token alone selects the organization."
    )
    item: Path | None = Field(default=None, description="The path of one object there; {slug} is replaced.")
    slug: str | None = Field(default=None, min_length=1, description="The slug of an object that exists there.")


class Resource(Described):
    """One identity API that the suite may use. It never guesses a path."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="A name for reports.")
    method: Method = "GET"
    path: Path = Field(description="A path that returns 2xx to a credential that may use it.")
    scope: str | None = Field(
        default=None,
        description="The scope that it needs. Without one, any valid token opens it; a token of another organization "
        "opens it too, unless the path names this one.",
    )
    concealed_from: list[str] = Field(
        default_factory=list, description="Roles for which it must look as if it never existed."
    )
    refused_by_policy: list[str] = Field(
        default_factory=list,
        description="Roles that have the scope, but to which the organization's service policy refuses this API.",
    )
    absent: Path | None = Field(
        default=None,
        description="The same path for a resource that never existed. {slug} is replaced by a new value each time.",
    )
    unique: str | None = Field(default=None, description="The member of create.body that must be unique.")
    pages: Pages | None = None
    create: Create | None = None
    item: Item | None = None
    update: Update | None = None
    delete: Delete | None = None
    foreign: Foreign | None = None

    @property
    def naming(self) -> frozenset[str]:
        """The members of create.body that identify an item: the unique one, and those that contain {slug}."""
        body = self.create.body if self.create else {}
        return frozenset(name for name, each in body.items() if name == self.unique or "{slug}" in str(each))


Role = Literal[
    "full", "narrow", "foreign", "outsider", "viewer", "contributor", "restricted", "revoked", "expired", "revocable",
    "short_lived", "limited",
]  # fmt: skip


class Identity(Described, WithLogins):
    """The identity surface: the token endpoint and the organization APIs."""

    url: Url
    token_path: Path = "/oauth/token"
    jwks_path: Path | None = Field(default=None, description="Where the public keys of its tokens are (RFC 7517).")
    credentials: dict[Role, Credential] = Field(default_factory=dict, description="Credentials by role.")
    resources: list[Resource] = Field(default_factory=list)


class Login(Described):
    """A registry login in one role."""

    username: str = Field(min_length=1)
    password: SecretValue


class Registry(Described, WithLogins):
    """The registry surface."""

    url: Url
    repository: str = Field(
        pattern=r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$",
        description="orgs/{org-slug}/{app-slug}. The suite uses only names that begin so.",
    )
    foreign_repository: str | None = Field(default=None, description="An existing repository of another organization.")
    large_blob_mib: int | None = Field(
        default=None,
        gt=0,
        le=10 * 1024,
        description="Size of the large blob that profile full pushes and pulls in one request, in MiB.",
    )
    expired_token: SecretValue | None = Field(
        default=None, description="A registry token for this repository that expired at least five minutes ago."
    )
    credentials: dict[Literal["pusher", "puller", "foreign", "revoked", "expired", "revocable", "limited"], Login] = (
        Field(
            default_factory=dict,
            description="Logins by role. revoked, expired: could pull from the repository and no longer may. "
            "revocable: may pull; the hooks revoke and restore take its username. limited: may pull, within "
            "limits.registry_requests.",
        )
    )

    def login(self, role: str) -> Login:
        """Return the login of a role; NotDeclared if the target file has none, Inconclusive if the target refuses it.

        A missing ``pusher`` is Inconclusive too, since no check can judge without it.
        """
        self.need(role)
        for name, login in self.credentials.items():
            if name == role:
                return login
        reason, place = f"the target file has no login in the role {role}", f"registry.credentials.{role}"
        if role == "pusher":
            raise Inconclusive(reason, f"[targets.X.{place}]")
        raise NotDeclared(reason, place)

    def declared_foreign_repository(self) -> str:
        """Return ``foreign_repository``; NotDeclared if the target file names none."""
        if self.foreign_repository is None:
            raise NotDeclared("the target file names no foreign_repository", "registry.foreign_repository")
        return self.foreign_repository


class AccessKey(Described):
    """An S3 access key in one role."""

    access_key: SecretValue
    secret_key: SecretValue


class Storage(Described):
    """The S3 gateway."""

    endpoint: Url
    region: str = Field(default="us-east-1", min_length=1)
    buckets: list[BucketName] = Field(
        min_length=1, description="Buckets provisioned in the portal, all of one organization."
    )
    access_key: SecretValue
    secret_key: SecretValue
    foreign_bucket: BucketName | None = Field(default=None, description="A bucket of another organization.")
    credentials: dict[Literal["revocable", "limited", "foreign"], AccessKey] = Field(
        default_factory=dict,
        description="Further keys by role. revocable: the hooks revoke and restore take its access key. limited: works "
        "within limits.storage_requests. foreign: a key of the other organization, which may write to foreign_bucket.",
    )
    large_object_mib: int | None = Field(
        default=None,
        gt=0,
        le=5 * 1024,
        description="Size of the large object that profile full uploads and downloads in one request, in MiB.",
    )
    destructive: bool = Field(default=False, description="Whether checks may try to create and delete buckets.")


class Webhooks(Described):
    """The incoming webhook."""

    url: SecretValue = Field(description="The generated webhook URL: a secret.")
    content_types: list[Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$")]] = Field(
        default_factory=lambda: ["application/json"], min_length=1, description="Media types that it accepts."
    )
    largest_body: int = Field(
        default=65536, gt=0, le=256 * 1024 * 1024, description="Size of a body that it certainly accepts, in bytes."
    )
    limited_url: SecretValue | None = Field(
        default=None, description="The URL of another webhook, to which limits.webhook_requests applies."
    )
    _rotated: str = PrivateAttr(default="")

    @property
    def live(self) -> str:
        """The URL that currently accepts events: after a rotation, the new one."""
        return self._rotated or self.url.reveal()

    def rotate_to(self, url: str) -> None:
        """Use another URL as the live one."""
        self._rotated = url


class LimitsSection(Described):
    """Limits of the target. The suite tests each named rate limit, and keeps within it elsewhere."""

    token_requests: Rate | None = Field(
        default=None, description="The rate of token requests beyond which the target returns 429."
    )
    api_requests: Rate | None = Field(
        default=None, description="The same for requests to the organization APIs with tokens of the role limited."
    )
    registry_requests: Rate | None = Field(
        default=None, description="The same for requests to the registry with the login of the role limited."
    )
    storage_requests: Rate | None = Field(
        default=None, description="The same for requests to the gateway with the access key of the role limited."
    )
    webhook_requests: Rate | None = Field(default=None, description="The same for events to webhooks.limited_url.")
    answer: float = Field(default=15.0, gt=0, le=600, description="Seconds that the suite waits for a response.")
    connect: float = Field(default=5.0, gt=0, le=60, description="Seconds that the suite waits for a connection.")
    leeway: float | None = Field(
        default=None, ge=0, le=60, description="Seconds for which an expired token is still accepted."
    )
    revocation: float = Field(
        default=1.0,
        gt=0,
        le=300,
        description="Seconds after which a revoked credential and a replaced webhook URL no longer work.",
    )
    arrival: float = Field(
        default=5.0, ge=0, le=600, description="Seconds after which the hook events prints an accepted event."
    )


class Hooks(Described):
    """Commands that the suite may call to change state. {client_id} and {repository} are replaced."""

    revoke: str | None = Field(
        default=None,
        description="Revokes a credential: {client_id} is a client id, the username of a registry login, or an access "
        "key.",
    )
    restore: str | None = Field(default=None, description="Restores a revoked credential with the same secret.")
    promote: str | None = Field(
        default=None,
        description="Gives the credential viewer, and no other one of this file, a role that permits changes.",
    )
    demote: str | None = Field(default=None, description="Takes this role away again.")
    rotate_webhook: str | None = Field(default=None, description="Rotates the webhook and prints the new URL.")
    events: str | None = Field(
        default=None,
        description="Prints the accepted events as a JSON list: of each event its body as text, and the sha256 of it.",
    )
    make_repository: str | None = Field(
        default=None, description="Creates a repository for the run, if the registry requires this before a push."
    )
    remove_repository: str | None = Field(
        default=None, description="Removes this repository with its content. It may be missing."
    )


class OtherOrganization(Described):
    """The organization of the role foreign."""

    organization: str = Field(min_length=1, description="Its slug.")
    canaries: list[Annotated[str, Field(min_length=8)]] = Field(
        default_factory=list,
        description="Texts that only its stored data contains. No response to another organization may contain one.",
    )


class Product(Described):
    """The deployed product, for a statement of conformance. Options of conformance certify override it."""

    vendor: str = Field(min_length=1, max_length=200, description="The vendor.")
    name: str = Field(min_length=1, max_length=200, description="The name of the product.")
    version: str = Field(min_length=1, max_length=200, description="The version that is deployed.")
    contact: str = Field(
        min_length=1, max_length=200, description="Who is responsible for the statement: an address or URL."
    )


class Target(Described):
    """A deployment under test."""

    organization: str = Field(min_length=1, description="The slug of the organization under test.")
    features: list[str] = Field(default_factory=list, description="Features that the target claims beyond the core.")
    rate: Rate | None = Field(default=None, description='The highest request rate of the suite, such as "50/s".')
    gentle: bool = Field(
        default=False,
        description="Whether a failing property keeps its first failing example; a smaller one costs requests.",
    )
    ca_file: str | None = Field(
        default=None, description="PEM file of authorities to trust in addition to the usual ones."
    )
    test_hosts: list[str] = Field(
        default_factory=list, description="Hosts of a test network that may use http:// without TLS."
    )
    identity: Identity | None = None
    registry: Registry | None = None
    storage: Storage | None = None
    webhooks: Webhooks | None = None
    foreign: OtherOrganization | None = None
    product: Product | None = None
    limits: LimitsSection = Field(default_factory=LimitsSection)
    hooks: Hooks = Field(default_factory=Hooks)
    _environment_values: tuple[Secret, ...] = PrivateAttr(default=())

    def credential_names(self) -> dict[str, str]:
        """Return the name of each credential for the hooks, by role; other surfaces than identity prefix the role."""
        names: dict[str, str] = {}
        if self.identity:
            names |= {str(role): each.client_id for role, each in self.identity.credentials.items()}
        if self.registry:
            names |= {f"registry {role}": each.username for role, each in self.registry.credentials.items()}
        if self.storage:
            names |= {f"storage {role}": each.access_key.reveal() for role, each in self.storage.credentials.items()}
        return names

    @property
    def environment_values(self) -> tuple[Secret, ...]:
        """The values of environment variables in commands and bodies: they may be secret."""
        return self._environment_values

    def set_environment_values(self, values: Mapping[str, str]) -> None:
        """Store the values of environment variables by name."""
        self._environment_values = tuple(Secret(name, value) for name, value in values.items())


class ConfigurationFile(Described):
    """The whole of ``conformance.toml``."""

    targets: dict[str, Target] = Field(min_length=1, description="Deployments by name.")
