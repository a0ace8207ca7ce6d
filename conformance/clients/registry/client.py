"""How to talk to a registry: its endpoints by name, an upload as a session, what a repository was given.

Endpoints are those of the OCI Distribution Specification 1.1 (end-1 to end-13) and the Docker Registry V2
catalog. Nothing here judges an answer. ``given_…`` make preconditions: where the registry refuses one, the
check that asked for it is inconclusive. Any 2xx makes one: that 201 is due is judged once, not by every check.
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
from conformance.clients.registry.login import Account, Door, Fixed, Login, Presenter, Scopes, open_door
from conformance.target import description
from conformance.vocabulary.exchange import SESSION_KNOWN, SESSION_LOST, Exchange
from conformance.vocabulary.finding import Inconclusive

Body = bytes | Iterable[bytes]
BINARY = ("Content-Type", "application/octet-stream")
EVERY_TYPE = ("Accept", ", ".join(MANIFEST_TYPES))
CODED = ("Accept-Encoding", "gzip")


@dataclass(frozen=True)
class Registry:
    """A registry as one role sees it; ``presenter`` puts on each request what shows who asks."""

    http: HttpClient
    described: description.Registry
    door: Door
    presenter: Presenter = field(default_factory=Fixed)
    deletions: Deletions = field(default_factory=Deletions, compare=False, repr=False)

    @classmethod
    def enter(cls, http: HttpClient, described: description.Registry, is_open: bool = False) -> Registry:
        """The registry as the pusher sees it; as anybody does where the target file describes no pusher.

        Of one that is known to be open it is not asked how it takes a login.
        """
        asking = http.readable()
        door = Door("", "", "", "delete", asking) if is_open else open_door(asking, described.repository)
        registry = cls(http, described, door)
        return registry.as_role("pusher") if "pusher" in described.credentials else registry

    def as_role(self, role: str | None) -> Registry:
        """The same registry as another role; None is anonymous. See ``account`` for a role without a login."""
        if role is None:
            return replace(self, presenter=Fixed())
        return replace(self, presenter=Login(self.door, self.account(role)))

    def impatient(self) -> Registry:
        """The same registry, whose caller gets a 429 at once."""
        return replace(self, http=self.http.impatient())

    def presenting(self, authorization: str | None) -> Registry:
        """The same registry with one Authorization field on every request, or none."""
        return replace(self, presenter=Fixed(authorization))

    def account(self, role: str) -> Account:
        """Username and password of a role; see ``Registry.login`` for a role without a login."""
        login = self.described.login(role)
        return Account(role, login.username, login.password.reveal(), login.password.name)

    def scope(self, repository: str, actions: str | None = None) -> str:
        """A scope on a repository; without actions, all that its owner needs."""
        everything = ",".join(dict.fromkeys(("pull", "push", self.door.delete_action, *self.door.listing)))
        return f"repository:{repository}:{actions or everything}"

    def send(
        self,
        method: str,
        target: str,
        headers: HeaderFields = (),
        body: Body = b"",
        scopes: Scopes = (),
    ) -> Exchange:
        """One request; credentials go to the registry's own origin alone."""
        return self._heeded(method, target, lambda: self._send(method, target, headers, body, scopes), scopes)

    def fetch(self, method: str, target: str, headers: HeaderFields = (), scopes: Scopes = ()) -> Exchange:
        """GET or HEAD, redirects followed (RFC 9110 section 15.4; Docker Registry V2, "Pulling a Layer")."""
        return self._heeded(method, target, lambda: self._read(method, target, [*headers], scopes), scopes)

    def _heeded(self, method: str, target: str, ask: Callable[[], Exchange], scopes: Scopes) -> Exchange:
        path = target.removeprefix(self.http.base_url)
        read = partial(self._read, "GET", path, [EVERY_TYPE] if "/manifests/" in path else [], scopes)
        return self.deletions.heeded(method, path, self.http.recorder, ask, read)

    def _read(self, method: str, target: str, headers: HeaderFields, scopes: Scopes) -> Exchange:
        def asked(address: str) -> Exchange:
            return self._send(method, address, headers, b"", scopes)

        return followed(asked(target), asked)

    def _send(self, method: str, target: str, headers: HeaderFields, body: Body, scopes: Scopes) -> Exchange:
        fields = self._credentials(target, scopes)
        reply = self.http.send(method, target, [*headers, *fields], body)
        # As engines do: a token that has ended is replaced, and the request, which did nothing, is sent again.
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
        """The support check (end-1)."""
        return self.send("GET", "/v2/")

    def catalog(self, query: str = "") -> Exchange:
        """The list of repositories; ``query`` begins with ``?`` where there is one."""
        return self.fetch("GET", f"/v2/_catalog{query}", scopes=("registry:catalog:*",))

    def follow_catalog(self, reply: Exchange, target: str) -> Exchange:
        """GET of a link that a page of the catalog gave."""
        return self.fetch("GET", address_in(reply.url, target), scopes=("registry:catalog:*",))

    def repository(self, name: str) -> Repository:
        """The repository of that name."""
        return Repository(self, name)


@dataclass(frozen=True)
class Repository:
    """One repository as one role sees it. Roles share its inventory."""

    registry: Registry
    name: str
    inventory: Inventory = field(default_factory=Inventory)

    def as_role(self, role: str | None) -> Repository:
        """The same repository as another role; None is anonymous."""
        return replace(self, registry=self.registry.as_role(role))

    def impatient(self) -> Repository:
        """The same repository, whose caller gets a 429 at once."""
        return replace(self, registry=self.registry.impatient())

    def named(self, name: str) -> Repository:
        """Another repository, uploads to which are this one's to clear."""
        return replace(self, name=name, inventory=self.inventory.beside(name))

    def presenting(self, authorization: str | None) -> Repository:
        """The same repository with one Authorization field on every request, or none."""
        return replace(self, registry=self.registry.presenting(authorization))

    def path(self, rest: str) -> str:
        """The path of something in the repository; a name may be asked for that is none."""
        return f"/v2/{quote(self.name, safe='/')}/{rest}"

    @property
    def scopes(self) -> Scopes:
        """The scopes that a login to the repository is asked for with."""
        return (self.registry.scope(self.name),)

    def send(self, method: str, rest: str, headers: HeaderFields = (), body: Body = b"") -> Exchange:
        """One request to a path in the repository."""
        return self.registry.send(method, self.path(rest), headers, body, self.scopes)

    def _fetch(self, method: str, rest: str, headers: HeaderFields) -> Exchange:
        return self.registry.fetch(method, self.path(rest), headers, self.scopes)

    def pull(self, address: str, headers: HeaderFields = ()) -> Exchange:
        """GET of a whole URL that the registry gave; where a manifest is, ``headers`` say which types are taken."""
        return self.registry.fetch("GET", address, headers, self.scopes)

    # Blobs

    def get_blob(self, digest: str, headers: HeaderFields = ()) -> Exchange:
        """GET of a blob (end-2)."""
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
        if made := query.get("digest") or query.get("mount"):
            self.inventory.note("blob", digest=made)
        reply = self.registry.send("POST", self.path(rest), [BINARY] if body else [], body, scopes)
        location = reply.headers.get("location")
        if reply.status == 201:
            self.inventory.blobs.add(made or "")
        elif reply.ok and location:
            self.inventory.opened(Upload(self, address_in(reply.url, location), confirmed=True))
        return reply

    def upload_of(self, reply: Exchange) -> Upload:
        """The session that an answer has opened, which is 202 by right; Inconclusive where it opened none."""
        location = address_in(reply.url, reply.headers.get("location") or "")
        for upload in reversed(self.inventory.uploads):
            if reply.ok and upload.location == location:
                return upload
        raise Inconclusive(f"{reply} and opened no upload session", "a registry that accepts uploads from this login")

    def open_upload(self) -> Upload:
        """A new upload session; Inconclusive where the registry opens none."""
        return self.upload_of(self.post_upload())

    def given_blob(self, content: bytes) -> str:
        """Pushes a blob and returns its digest; Inconclusive where the registry does not take it."""
        digest = digest_of(content)
        reply = self.open_upload().put(digest, content)
        if not reply.ok:
            needs = SESSION_KNOWN if reply.status == 404 else "a registry that takes blobs from this login"
            raise Inconclusive(f"a blob could not be pushed: {reply}", needs)
        return digest

    # Manifests

    def get_manifest(self, reference: str, headers: HeaderFields = (EVERY_TYPE,)) -> Exchange:
        """GET of a manifest by tag or digest (end-3)."""
        return self._fetch("GET", f"manifests/{reference}", headers)

    def head_manifest(self, reference: str, headers: HeaderFields = (EVERY_TYPE,)) -> Exchange:
        """HEAD of a manifest by tag or digest (end-3)."""
        return self._fetch("HEAD", f"manifests/{reference}", headers)

    def put_manifest(self, reference: str, content: bytes, media_type: str | None) -> Exchange:
        """PUT of a manifest by tag or digest (end-7); without a Content-Type where the media type is None."""
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
        """Pushes what a manifest refers to and then itself, by digest unless a reference is given."""
        self.given_parts(manifest)
        return self.put_manifest(reference or manifest.digest, manifest.content, manifest.media_type)

    def given_parts(self, manifest: Manifest) -> None:
        """Pushes the blobs and manifests that a manifest refers to, but those that were pushed before.

        How a blob came there as such a part is evidence of each that needs it.
        """
        recorder = self.registry.http.recorder
        for blob in manifest.blobs:
            if blob.digest in self.inventory.blobs:
                recorder.keep_again(self.inventory.parts.get(blob.digest, ()))
                continue
            before = len(recorder)
            self.given_blob(blob.content)
            self.inventory.parts[blob.digest] = recorder.kept_from(before)
        for child in manifest.children:
            if child.digest not in self.inventory.manifests:
                self.given(child)

    def given(self, manifest: Manifest, *tags: str) -> Manifest:
        """Has a manifest pushed, under each tag or by digest; Inconclusive where the registry does not take it."""
        for reference in tags or (manifest.digest,):
            require_stored(self.push(manifest, reference))
        return manifest

    # Lists

    def tags(self, query: str = "") -> Exchange:
        """The list of tags (end-8); ``query`` begins with ``?`` where there is one."""
        return self._fetch("GET", f"tags/list{query}", ())

    def head_tags(self) -> Exchange:
        """HEAD of the list of tags, which a registry need not know."""
        return self._fetch("HEAD", "tags/list", ())

    def referrers(self, digest: str, artifact_type: str | None = None) -> Exchange:
        """The referrers of a digest (end-12)."""
        query = f"?{urlencode({'artifactType': artifact_type}, quote_via=quote)}" if artifact_type else ""
        return self._fetch("GET", f"referrers/{digest}{query}", ())

    def follow(self, reply: Exchange, target: str) -> Exchange:
        """GET of a link that an answer gave."""
        return self.registry.fetch("GET", address_in(reply.url, target), scopes=self.scopes)


def require_stored(reply: Exchange) -> None:
    """Inconclusive where a manifest was not taken that others go on from."""
    if not reply.ok:
        needs = "a registry that accepts images from this login"
        raise Inconclusive(f"a manifest could not be pushed: {reply}", needs)


NewRepository = Callable[[str], Repository]
ByDigest = Callable[[Manifest], Exchange]
"""Has a manifest in the shared repository by its digest; the answer to its push."""


@dataclass(frozen=True)
class StoredImage:
    """An image in a repository: what it is, and under which tag."""

    repository: Repository
    image: Manifest
    tag: str = "v1.0.0"


@dataclass
class Upload:
    """One upload session. ``location`` is where the next request of it goes, as the registry said last.

    ``confirmed``: the answer before was of this session, and says that it is there.
    """

    repository: Repository
    location: str
    open: bool = True
    confirmed: bool = False

    def by(self, registry: Registry) -> Upload:
        """The same session as another role would continue it; the two go separate ways from here."""
        return Upload(replace(self.repository, registry=registry), self.location)

    def patch(self, chunk: Body, content_range: str | None = None, headers: HeaderFields = ()) -> Exchange:
        """PATCH with a chunk (end-5); bytes given in parts are streamed."""
        fields = [BINARY, *headers]
        if content_range is not None:
            fields.append(("Content-Range", content_range))
        return self._send("PATCH", self.location, fields, chunk)

    def put(
        self, digest: str | None, body: Body = b"", content_range: str | None = None, headers: HeaderFields = ()
    ) -> Exchange:
        """The closing PUT (end-6), with the last chunk where there is one; no digest parameter where it is None."""
        fields = [*([BINARY] if body else []), *headers]
        if content_range is not None:
            fields.append(("Content-Range", content_range))
        target = self.location if digest is None else with_digest(self.location, digest)
        # The Location may have one as well, which a registry may believe rather than the one behind it.
        named = parse_qs(target.partition("?")[2]).get("digest", [])
        for each in named:
            self.repository.inventory.note("blob", digest=each)
        reply = self._send("PUT", target, fields, body)
        if reply.ok:
            self.repository.inventory.ended(self)
            # A registry may keep a blob under another digest than the one that it was pushed with.
            kept = reply.headers.get("docker-content-digest")
            if kept and kept not in named:
                self.repository.inventory.note("blob", digest=kept)
            self.repository.inventory.blobs |= {*named, *filter(None, [kept])}
        return reply

    def status(self) -> Exchange:
        """GET of the session's status (end-13)."""
        return self._send("GET", self.location)

    def cancel(self) -> Exchange:
        """DELETE of the session."""
        reply = self._send("DELETE", self.location)
        if reply.ok:
            self.repository.inventory.ended(self)
        return reply

    def end(self) -> tuple[str, str] | None:
        """Cancels the session; where it cannot be cancelled and may still be there, what stays and why."""
        reply = self.cancel()
        # 404 says that there is none, but for a registry that says so of one whose state it cannot read.
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
        # What closes a session tells where the blob is.
        if location and (reply.status == 416 or (reply.status in (202, 204) and method != "PUT")):
            self.repository.inventory.moved(self, address_in(reply.url, location))
        return reply


def with_digest(location: str, digest: str) -> str:
    """An upload location with the digest parameter, what its query says already kept, and no fragment."""
    address = location.partition("#")[0]
    return f"{address}{'&' if '?' in address else '?'}digest={quote(digest, safe='')}"
