"""The client of a registry: its endpoints, upload sessions, and the content of a repository.

Endpoints are those of the OCI Distribution Specification 1.1 (end-1 to end-13) and the Docker Registry V2 catalog.
``given_…`` create preconditions: if the registry refuses one, the check is inconclusive. Any 2xx suffices, because
separate checks judge the status. One client: the file stays whole above 400 lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import parse_qs, quote, urlencode

from conformance.clients.http import HeaderFields, HttpClient, address_in, followed, on_one_host
from conformance.clients.registry.deletions import Deletions
from conformance.clients.registry.images import MANIFEST_TYPES, Manifest, digest_of
from conformance.clients.registry.inventory import Inventory
from conformance.clients.registry.login import Account, Fixed, Login, Presenter, RegistryAuth, Scopes, discover_auth
from conformance.target import description
from conformance.vocabulary.exchange import SESSION_KNOWN, SESSION_LOST, Exchange
from conformance.vocabulary.finding import Inconclusive

Body = bytes | Iterable[bytes]
BINARY = ("Content-Type", "application/octet-stream")
EVERY_TYPE = ("Accept", ", ".join(MANIFEST_TYPES))
CODED = ("Accept-Encoding", "gzip")


@dataclass(frozen=True)
class Registry:
    """A registry as one role sees it; ``presenter`` provides the Authorization field of each request."""

    http: HttpClient
    described: description.Registry
    auth: RegistryAuth
    presenter: Presenter = field(default_factory=Fixed)
    deletions: Deletions = field(default_factory=Deletions, compare=False, repr=False)

    @classmethod
    def enter(cls, http: HttpClient, described: description.Registry, is_open: bool = False) -> Registry:
        """Return the registry as the pusher sees it, or an anonymous client if the target file has no pusher.

        If ``is_open``, the registry is known to require no login.
        """
        client = http.readable()
        auth = RegistryAuth("", "", "", "delete", client) if is_open else discover_auth(client, described.repository)
        registry = cls(http, described, auth)
        return registry.as_role("pusher") if "pusher" in described.credentials else registry

    def as_role(self, role: str | None) -> Registry:
        """Return the registry as another role sees it; None is anonymous. ``account`` says what a role needs."""
        if role is None:
            return replace(self, presenter=Fixed())
        return replace(self, presenter=Login(self.auth, self.account(role)))

    def impatient(self) -> Registry:
        """Return a client of the registry that returns a 429 at once."""
        return replace(self, http=self.http.impatient())

    def presenting(self, authorization: str | None) -> Registry:
        """Return the registry with a fixed Authorization field, or none."""
        return replace(self, presenter=Fixed(authorization))

    def account(self, role: str) -> Account:
        """Return the username and password of a role; see ``Registry.login`` for a role without a login."""
        login = self.described.login(role)
        return Account(role, login.username, login.password.reveal(), login.password.name)

    def scope(self, repository: str, actions: str | None = None) -> str:
        """Return a scope on a repository; by default with all actions that its owner needs."""
        everything = ",".join(dict.fromkeys(("pull", "push", self.auth.delete_action, *self.auth.listing)))
        return f"repository:{repository}:{actions or everything}"

    def send(
        self, method: str, target: str, headers: HeaderFields = (), body: Body = b"", scopes: Scopes = ()
    ) -> Exchange:
        """Send one request; credentials are only sent to the registry's own origin."""
        return self._after_deletions(method, target, lambda: self._send(method, target, headers, body, scopes), scopes)

    def fetch(self, method: str, target: str, headers: HeaderFields = (), scopes: Scopes = ()) -> Exchange:
        """GET or HEAD with redirects (RFC 9110 section 15.4; Docker Registry V2, "Pulling a Layer")."""
        return self._after_deletions(method, target, lambda: self._read(method, target, [*headers], scopes), scopes)

    def _after_deletions(self, method: str, target: str, ask: Callable[[], Exchange], scopes: Scopes) -> Exchange:
        path = target.removeprefix(self.http.base_url)
        read = partial(self._read, "GET", path, [EVERY_TYPE] if "/manifests/" in path else [], scopes)
        return self.deletions.respected(method, path, self.http.recorder, ask, read)

    def _read(self, method: str, target: str, headers: HeaderFields, scopes: Scopes) -> Exchange:
        def get(address: str) -> Exchange:
            return self._send(method, address, headers, b"", scopes)

        return followed(get(target), get)

    def _send(self, method: str, target: str, headers: HeaderFields, body: Body, scopes: Scopes) -> Exchange:
        fields = self._credentials(target, scopes)
        reply = self.http.send(method, target, [*headers, *fields], body)
        # As engines do: an expired token is replaced, and the refused request is repeated.
        login = self.presenter if fields and isinstance(body, bytes) and isinstance(self.presenter, Login) else None
        if login and login.ended_early(scopes, reply):
            reply = self.http.send(method, target, [*headers, *self._credentials(target, scopes)], body)
        return reply

    def _credentials(self, target: str, scopes: Scopes) -> list[tuple[str, str]]:
        if "://" in target and not on_one_host(target, self.http.base_url):
            return []
        value = self.presenter.authorization(scopes)
        return [("Authorization", value)] if value is not None else []

    def support(self) -> Exchange:
        """GET the support check (end-1)."""
        return self.send("GET", "/v2/")

    def catalog(self, query: str = "") -> Exchange:
        """GET the list of repositories; ``query`` starts with ``?`` unless empty."""
        return self.fetch("GET", f"/v2/_catalog{query}", scopes=("registry:catalog:*",))

    def follow_catalog(self, reply: Exchange, target: str) -> Exchange:
        """GET a link in a page of the catalog."""
        return self.fetch("GET", address_in(reply.url, target), scopes=("registry:catalog:*",))

    def repository(self, name: str) -> Repository:
        """Return the repository of this name."""
        return Repository(self, name)


@dataclass(frozen=True)
class Repository:
    """One repository as one role sees it; roles share its inventory."""

    registry: Registry
    name: str
    inventory: Inventory = field(default_factory=Inventory)

    def as_role(self, role: str | None) -> Repository:
        """Return the repository as another role sees it; None is anonymous."""
        return replace(self, registry=self.registry.as_role(role))

    def impatient(self) -> Repository:
        """Return a client of the repository that returns a 429 at once."""
        return replace(self, registry=self.registry.impatient())

    def named(self, name: str) -> Repository:
        """Return another repository, whose uploads this one's inventory tracks."""
        return replace(self, name=name, inventory=self.inventory.for_repository(name))

    def presenting(self, authorization: str | None) -> Repository:
        """Return the repository with a fixed Authorization field, or none."""
        return replace(self, registry=self.registry.presenting(authorization))

    def path(self, rest: str) -> str:
        """Return a path in the repository, whose name may be invalid."""
        return f"/v2/{quote(self.name, safe='/')}/{rest}"

    @property
    def scopes(self) -> Scopes:
        """The scopes for requests to the repository."""
        return (self.registry.scope(self.name),)

    def send(self, method: str, rest: str, headers: HeaderFields = (), body: Body = b"") -> Exchange:
        """Send one request to a path in the repository."""
        return self.registry.send(method, self.path(rest), headers, body, self.scopes)

    def _fetch(self, method: str, rest: str, headers: HeaderFields) -> Exchange:
        return self.registry.fetch(method, self.path(rest), headers, self.scopes)

    def pull(self, address: str, headers: HeaderFields = ()) -> Exchange:
        """GET a whole URL that the registry returned; for a manifest, ``headers`` state the accepted types."""
        return self.registry.fetch("GET", address, headers, self.scopes)

    # Blobs

    def get_blob(self, digest: str, headers: HeaderFields = ()) -> Exchange:
        """GET a blob (end-2)."""
        return self._fetch("GET", f"blobs/{digest}", headers)

    def head_blob(self, digest: str, headers: HeaderFields = ()) -> Exchange:
        """HEAD of a blob (end-2)."""
        return self._fetch("HEAD", f"blobs/{digest}", headers)

    def delete_blob(self, digest: str) -> Exchange:
        """DELETE of a blob (end-10)."""
        reply = self.send("DELETE", f"blobs/{digest}")
        if reply.ok:
            self.inventory.blobs.discard(digest)
        return reply

    def post_upload(self, body: bytes = b"", **query: str) -> Exchange:
        """POST to the uploads (end-4a; with ``digest`` end-4b, with ``mount`` and ``from_`` end-11)."""
        pairs = [(name.rstrip("_"), value) for name, value in query.items()]
        scopes = (*self.scopes, *(self.registry.scope(value, "pull") for name, value in pairs if name == "from"))
        rest = "blobs/uploads/" + (f"?{urlencode(pairs, safe='/', quote_via=quote)}" if pairs else "")
        if digest := query.get("digest") or query.get("mount"):
            self.inventory.note("blob", digest=digest)
        reply = self.registry.send("POST", self.path(rest), [BINARY] if body else [], body, scopes)
        location = reply.headers.get("location")
        if reply.status == 201:
            self.inventory.blobs.add(digest or "")
        elif reply.ok and location:
            self.inventory.opened(Upload(self, address_in(reply.url, location), confirmed=True))
        return reply

    def upload_of(self, reply: Exchange) -> Upload:
        """Return the upload session that a response opened; Inconclusive if it opened none."""
        location = address_in(reply.url, reply.headers.get("location") or "")
        for upload in reversed(self.inventory.uploads):
            if reply.ok and upload.location == location:
                return upload
        raise Inconclusive(f"{reply} and opened no upload session", "a registry that accepts uploads from this login")

    def open_upload(self) -> Upload:
        """Open an upload session; Inconclusive if the registry opens none."""
        return self.upload_of(self.post_upload())

    def given_blob(self, content: bytes) -> str:
        """Push a blob and return its digest; Inconclusive if the registry refuses it."""
        digest = digest_of(content)
        reply = self.open_upload().put(digest, content)
        if not reply.ok:
            needs = SESSION_KNOWN if reply.status == 404 else "a registry that takes blobs from this login"
            raise Inconclusive(f"a blob could not be pushed: {reply}", needs)
        return digest

    # Manifests

    def get_manifest(self, reference: str, headers: HeaderFields = (EVERY_TYPE,)) -> Exchange:
        """GET a manifest by tag or digest (end-3)."""
        return self._fetch("GET", f"manifests/{reference}", headers)

    def head_manifest(self, reference: str, headers: HeaderFields = (EVERY_TYPE,)) -> Exchange:
        """HEAD of a manifest by tag or digest (end-3)."""
        return self._fetch("HEAD", f"manifests/{reference}", headers)

    def put_manifest(self, reference: str, content: bytes, media_type: str | None) -> Exchange:
        """PUT a manifest by tag or digest (end-7); without a Content-Type if the media type is None."""
        self.inventory.note("manifest", digest=digest_of(content))
        fields = [("Content-Type", media_type)] if media_type else []
        reply = self.send("PUT", f"manifests/{reference}", fields, content)
        if reply.ok:
            self.inventory.manifests[digest_of(content)] = None
        return reply

    def delete_manifest(self, reference: str) -> Exchange:
        """DELETE of a manifest by digest, or of a tag (end-9)."""
        reply = self.send("DELETE", f"manifests/{reference}")
        if reply.ok:
            self.inventory.manifests.pop(reference, None)
        return reply

    def push(self, manifest: Manifest, reference: str | None = None) -> Exchange:
        """Push a manifest after its content, by digest unless a reference is given."""
        self.given_parts(manifest)
        return self.put_manifest(reference or manifest.digest, manifest.content, manifest.media_type)

    def given_parts(self, manifest: Manifest) -> None:
        """Push the blobs and manifests that a manifest refers to, unless they were pushed before.

        The push of a blob is evidence of every check that needs the blob.
        """
        recorder = self.registry.http.recorder
        for blob in manifest.blobs:
            if blob.digest in self.inventory.blobs:
                recorder.reuse(self.inventory.parts.get(blob.digest, ()))
                continue
            before = len(recorder)
            self.given_blob(blob.content)
            self.inventory.parts[blob.digest] = recorder.recorded_from(before)
        for child in manifest.children:
            if child.digest not in self.inventory.manifests:
                self.given(child)

    def given(self, manifest: Manifest, *tags: str) -> Manifest:
        """Push a manifest, under each tag or by digest; Inconclusive if the registry refuses it."""
        for reference in tags or (manifest.digest,):
            require_stored(self.push(manifest, reference))
        return manifest

    # Lists

    def tags(self, query: str = "") -> Exchange:
        """GET the list of tags (end-8); ``query`` starts with ``?`` unless empty."""
        return self._fetch("GET", f"tags/list{query}", ())

    def head_tags(self) -> Exchange:
        """HEAD of the list of tags, which a registry need not support."""
        return self._fetch("HEAD", "tags/list", ())

    def referrers(self, digest: str, artifact_type: str | None = None) -> Exchange:
        """GET the referrers of a digest (end-12)."""
        query = f"?{urlencode({'artifactType': artifact_type}, quote_via=quote)}" if artifact_type else ""
        return self._fetch("GET", f"referrers/{digest}{query}", ())

    def follow(self, reply: Exchange, target: str) -> Exchange:
        """GET a link in a response."""
        return self.registry.fetch("GET", address_in(reply.url, target), scopes=self.scopes)


def require_stored(reply: Exchange) -> None:
    """Raise Inconclusive if a manifest that later steps need was not stored."""
    if not reply.ok:
        needs = "a registry that accepts images from this login"
        raise Inconclusive(f"a manifest could not be pushed: {reply}", needs)


NewRepository = Callable[[str], Repository]
ByDigest = Callable[[Manifest], Exchange]
"""Pushes a manifest to the shared repository by its digest; returns the response."""


@dataclass(frozen=True)
class StoredImage:
    """An image in a repository, and its tag."""

    repository: Repository
    image: Manifest
    tag: str = "v1.0.0"


@dataclass
class Upload:
    """One upload session. ``location`` is the latest address of the session.

    ``confirmed``: the previous response confirmed that the session exists.
    """

    repository: Repository
    location: str
    open: bool = True
    confirmed: bool = False

    def by(self, registry: Registry) -> Upload:
        """Return a copy of the session that another role continues."""
        return Upload(replace(self.repository, registry=registry), self.location)

    def patch(self, chunk: Body, content_range: str | None = None, headers: HeaderFields = ()) -> Exchange:
        """PATCH a chunk (end-5); an iterable is streamed."""
        fields = [BINARY, *headers]
        if content_range is not None:
            fields.append(("Content-Range", content_range))
        return self._send("PATCH", self.location, fields, chunk)

    def put(
        self, digest: str | None, body: Body = b"", content_range: str | None = None, headers: HeaderFields = ()
    ) -> Exchange:
        """Send the closing PUT (end-6), with the last chunk if any; None omits the digest parameter."""
        fields = [*([BINARY] if body else []), *headers]
        if content_range is not None:
            fields.append(("Content-Range", content_range))
        target = self.location if digest is None else with_digest(self.location, digest)
        # The Location may have a digest too, which a registry may use instead.
        named = parse_qs(target.partition("?")[2]).get("digest", [])
        for each in named:
            self.repository.inventory.note("blob", digest=each)
        reply = self._send("PUT", target, fields, body)
        if reply.ok:
            self.repository.inventory.ended(self)
            # A registry may store a blob under another digest.
            stored = reply.headers.get("docker-content-digest")
            if stored and stored not in named:
                self.repository.inventory.note("blob", digest=stored)
            self.repository.inventory.blobs |= {*named, *filter(None, [stored])}
        return reply

    def status(self) -> Exchange:
        """GET the session's status (end-13)."""
        return self._send("GET", self.location)

    def cancel(self) -> Exchange:
        """DELETE the session."""
        reply = self._send("DELETE", self.location)
        if reply.ok:
            self.repository.inventory.ended(self)
        return reply

    def end(self) -> tuple[str, str] | None:
        """Cancel the session; if it may still exist, return its description and the reason."""
        reply = self.cancel()
        # A registry may also return 404 with BLOB_UPLOAD_INVALID for a session whose state it cannot read.
        gone = reply.ok or b"BLOB_UPLOAD_UNKNOWN" in reply.body or reply.status == 404
        if gone and b"BLOB_UPLOAD_INVALID" not in reply.body:
            return None
        path = re.sub("^[^/?#]*//[^/?#]*|[?#].*", "", self.location)
        where = f"upload session of {self.repository.name} at {path}"
        return where, f"DELETE is answered {reply.status}"

    def _send(self, method: str, target: str, headers: HeaderFields = (), body: Body = b"") -> Exchange:
        reply = self.repository.registry.send(method, target, headers, body, self.repository.scopes)
        location = reply.headers.get("location")
        if self.confirmed and reply.status == 404:
            self.repository.registry.http.recorder.event(SESSION_LOST)
        self.confirmed = reply.status in (202, 204) and method != "DELETE"
        # The Location of a closing response is that of the blob.
        if location and (reply.status == 416 or (reply.status in (202, 204) and method != "PUT")):
            self.repository.inventory.moved(self, address_in(reply.url, location))
        return reply


def with_digest(location: str, digest: str) -> str:
    """Return an upload location with the digest added to its query, without a fragment."""
    address = location.partition("#")[0]
    return f"{address}{'&' if '?' in address else '?'}digest={quote(digest, safe='')}"
