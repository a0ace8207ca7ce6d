"""Preflight of the registry: a login per role as the challenge requires, a cancelled upload, the features."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, urlencode, urlsplit

from conformance.clients.http import address_in, followed, on_one_host, on_requested_origin
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.challenges import Challenge
from conformance.clients.registry.login import repository_challenge, usable_challenge
from conformance.preflight.contact import Contact, Failed, measure, not_the_surface
from conformance.preflight.state import NOT_OBSERVABLE, NOT_OBSERVED, OBSERVED, SurfaceState, mending
from conformance.target.description import Login, Registry
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import basic_login, token_flaw

SUPPORT = "/v2/"
REUSED_S = 0.5
NO_DIGEST = "sha256:" + "0" * 64
WRITING_ROLES = ("pusher", "foreign")
MAIN_ROLE = "pusher"
REFUSED_ROLES = {"revoked", "expired"}
REFUSALS = (401, 403, 404, 405)
NOT_WRITABLE = "may the pusher push there, or is the registry read-only for now, or a cache of another one?"
HARMFUL = (
    "registry.delete",
    "registry.delete-tag",
    "registry.mount",
    "registry.validation",
    "registry.validation-index",
    "registry.concealment",
)


class Refused(Exception):
    """A login fails, and why. ``login``: the credentials were refused; else there is no usable token endpoint."""

    def __init__(self, why: str, login: bool = False) -> None:
        super().__init__(why)
        self.login = login


def probe(contact: Contact, state: SurfaceState) -> None:
    """Fill in the state of the registry surface."""
    registry = contact.target.registry
    if registry is None:
        return
    reply = contact.ask("GET", "/v2/")
    path, cause = SUPPORT, not_the_surface(reply, "JSON") or _not_a_registry(reply)
    if cause:
        path = f"/v2/{registry.repository}/tags/list"
        other = contact.attempt(state, partial(contact.ask, "GET", path))
        if other is None or not _speaks_v2(other):
            state.unreachable(cause)
            return
        state.warn(f"GET /v2/ {cause.partition(';')[0]}, and GET {path} is answered by a registry: the run goes on")
    state.ok(f"answers at {registry.url}")
    measure(state, contact, "GET", SUPPORT)
    absent = f"/v2/{registry.repository}/manifests/{NO_DIGEST}"
    if (missing := contact.attempt(state, partial(contact.ask, "GET", absent))) is not None:
        state.compare(reply, missing, "GET /v2/ and to a GET of a missing manifest")
    logins = Logins(contact, registry, _challenge(contact, state, registry, reply), path)
    if not registry.credentials:
        state.warn("no credentials are described: nothing that needs a login is checked")
    for role in registry.credentials:
        _login(state, logins, role)
    if state.credentials.get("pusher") == "ok":
        if state.credentials.get("foreign") == "ok":
            contact.attempt(state, lambda: _refuse_superuser(contact, state, logins))
        _write(contact, state, logins)
    _features(contact, state, logins)


def _speaks_v2(reply: Exchange) -> bool:
    """Return whether a registry answered a request for a list of tags, be it with an error."""
    found = usable_challenge(reply)
    versioned = "docker-distribution-api-version" in reply.headers or (
        found is not None and "service" in found.parameters
    )
    return versioned or _member(reply, "errors") or (reply.status == 200 and _member(reply, "tags"))


def _not_a_registry(reply: Exchange) -> str:
    """Return why a response cannot be a registry's, or ""; checks judge a registry's poor responses."""
    known = "docker-distribution-api-version" in reply.headers or _member(reply, "errors")
    if known or reply.status not in (404, 405, 410):
        return ""
    return f"answers GET /v2/ with {reply.status}: no Docker Registry V2; is the address right?"


def _challenge(contact: Contact, state: SurfaceState, registry: Registry, reply: Exchange) -> Challenge | None:
    """Return the challenge of /v2/, or else that of the repository."""
    if reply.status not in (200, 401):
        state.warn(f"GET /v2/ is answered {reply.status}, where 200 or 401 is due")
    found = usable_challenge(reply)
    if found is not None:
        return found
    state.warn("asks for no login at /v2/")

    def ask(method: str, path: str) -> Exchange | None:
        return contact.attempt(state, partial(contact.ask, method, path))

    shown = repository_challenge(ask, registry.repository)
    state.open = shown is not None and shown.ok
    return usable_challenge(shown)


@dataclass
class Logins:
    """Logins to the registry: an Authorization value per role and scope, by Basic or by the token flow.

    ``path`` shows whether a login works: ``/v2/``, or a list of tags if ``/v2/`` is not the registry's.
    """

    contact: Contact
    registry: Registry
    challenge: Challenge | None
    path: str = SUPPORT
    known: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def accepted(self, reply: Exchange) -> bool:
        """Return whether a response at that path shows that the login works; a list of tags may be absent or denied.

        A list also returns 401 to a token with too little access: that the token was issued shows that the login works.
        """
        by_token = self.challenge is not None and self.challenge.scheme == "bearer"
        statuses = (401, 403, 404) if by_token else (403, 404)
        return reply.status == 200 or (self.path != SUPPORT and reply.status in statuses)

    def scope(self, role: str) -> str:
        """Return the scope of a role's login in the repository under test."""
        return f"repository:{self.registry.repository}:{'pull,push' if role in WRITING_ROLES else 'pull'}"

    def key(self, role: str, scope: str | None = None) -> list[tuple[str, str]]:
        """Return the Authorization field of a role; scope "" means a token without a scope. Raises Refused."""
        scope = self.scope(role) if scope is None else scope
        value, issued = self.known.get((role, scope), ("", 0.0))
        # A token may expire long before its stated expiry, which a check reports.
        if not value or time.monotonic() - issued > REUSED_S:
            login = self.registry.credentials[role]  # type: ignore[index]
            value = self._authorization(login, scope)
            self.known[role, scope] = value, time.monotonic()
        return [("Authorization", value)]

    def _authorization(self, login: Login, scope: str) -> str:
        basic = basic_login(login.username, login.password.reveal())
        if self.challenge is None or self.challenge.scheme == "basic":
            return basic
        return f"Bearer {self._token(basic, scope, self.challenge.parameters)}"

    def _token(self, basic: str, scope: str, parameters: dict[str, str]) -> str:
        realm = on_requested_origin(parameters.get("realm", ""), self.registry.url)
        if not realm.startswith(("http://", "https://")):
            raise Refused("the challenge names no realm to get a token from")
        if self.registry.url.startswith("https:") and not realm.startswith("https:"):
            raise Refused("the realm of the challenge is plain http: a password is not sent there")
        service = {"service": parameters["service"]} if "service" in parameters else {}
        query = urlencode({**service, **({"scope": scope} if scope else {})}, safe=":,/*", quote_via=quote)
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"

        def get(address: str) -> Exchange:
            return self.contact.ask("GET", address, [("Authorization", basic)])

        reply = followed(get(url), get, on_one_host)
        if not reply.ok:
            raise Refused(f"is refused a token: {reply.status}", 400 <= reply.status < 500 and reply.status != 429)
        try:
            answer = reply.json()
            token = answer.get("token") or answer["access_token"]
        except (ValueError, KeyError, AttributeError):
            raise Refused("the token endpoint of the challenge answers without a token") from None
        if flaw := token_flaw(token):
            raise Refused(f"the token endpoint of the challenge answers without a usable token: {flaw}")
        self.contact.http.recorder.redactor.learn("REGISTRY_TOKEN", str(token))
        return str(token)


def _login(state: SurfaceState, logins: Logins, role: str) -> None:
    try:
        reply = _logged_in(logins, role)
    except (Refused, Failed) as reason:
        if role in REFUSED_ROLES and isinstance(reason, Refused) and reason.login:
            _note_must_be_refused(state, role, False)
            return
        state.role(role, str(reason))
        if isinstance(reason, Refused) and reason.login:
            _note_refusal(state, role, logins.registry)
        return
    if role in REFUSED_ROLES:
        _note_must_be_refused(state, role, logins.accepted(reply))
    elif logins.accepted(reply):
        state.role(role, "ok")
        state.ok(f"{role}: logged in")
    else:
        state.role(role, f"is refused: {reply.status}")
        if reply.status == 401 or (role == MAIN_ROLE and reply.status == 403):
            _note_refusal(state, role, logins.registry)


def _note_must_be_refused(state: SurfaceState, role: str, accepted: bool) -> None:
    """Note a login that must be refused; if it is accepted, the run goes on, since its checks report that."""
    state.credentials[role] = "is let in" if accepted else "ok"
    if accepted:
        state.warn(f"{role}: is let in, though a login that is {role} must be refused")
    else:
        state.ok(f"{role}: refused, as it should be")


def _logged_in(logins: Logins, role: str) -> Exchange:
    """Return the response at /v2/ to a token without a scope, or else to one for the repository.

    Some token servers issue no token without a scope, and some registries accept only such a token at /v2/.
    """
    try:
        reply = logins.contact.ask("GET", logins.path, logins.key(role, ""))
    except Refused:
        return logins.contact.ask("GET", logins.path, logins.key(role))
    return reply if reply.status == 200 else logins.contact.ask("GET", logins.path, logins.key(role))


def _note_refusal(state: SurfaceState, role: str, registry: Registry) -> None:
    """Note a login that is refused; if it is the pusher's, nothing can be checked."""
    password = registry.credentials[role].password  # type: ignore[index]
    cause = f"the login {role} of the target file {state.credentials[role]}"
    if ":" in password.reveal():
        cause += "; its password has a colon, where the server may end the username (RFC 7617 section 2)"
    needs = mending(f"registry.credentials.{role}", password)
    if role == MAIN_ROLE:
        state.locked, state.mend = cause, needs
    else:
        state.refuse(role, cause, needs)


def _refuse_superuser(contact: Contact, state: SurfaceState, logins: Logins) -> None:
    """Note a login in role foreign that may push to an organization that does not exist, if the pusher may not.

    If both may, nothing is isolated, and the checks report it.
    """
    first, *rest = logins.registry.repository.split("/")
    if len(rest) < 2:
        return
    name = "/".join([first, f"cf-{secrets.token_hex(6)}", *rest[1:]])
    if _may_push(contact, logins, "foreign", name) and not _may_push(contact, logins, "pusher", name):
        cause = "the login foreign of the target file may push to any organization, like that of a superuser"
        state.refuse("foreign", cause, "a login of one other organization in [targets.X.registry.credentials.foreign]")
        state.warn(f"foreign: {cause}")


def _may_push(contact: Contact, logins: Logins, role: str, name: str) -> bool:
    scope = f"repository:{name}:pull,push"
    try:
        opened = contact.ask("POST", f"/v2/{name}/blobs/uploads/", logins.key(role, scope))
        if opened.ok and (location := opened.headers.get("location")):
            contact.ask("DELETE", address_in(opened.url, location), logins.key(role, f"{scope},delete"))
    except Refused:
        return False
    return opened.ok


def _write(contact: Contact, state: SurfaceState, logins: Logins) -> None:
    """Open an upload and cancel it.

    The repository does not exist yet, like those of a run: if a registry requires that it does, a hook may create it.
    """
    name, new = logins.registry.repository, f"{logins.registry.repository}-cf-preflight"
    operator = Operator(contact.target.hooks, contact.http.recorder)
    try:
        if operator.has("make_repository"):
            operator.make_repository(new)
    except Inconclusive as failure:
        state.fail(f"pusher cannot push to repositories of the run's own: {failure.why}")
        return
    contact.attempt(state, lambda: _pushes(contact, state, logins, name, new))
    try:
        if operator.has("remove_repository"):
            operator.remove_repository(new)
    except Inconclusive as failure:
        state.warn(f"{new} is left: {failure.why}")


def _pushes(contact: Contact, state: SurfaceState, logins: Logins, name: str, new: str) -> None:
    opened, answer = _opened(contact, logins, new)
    first, absent = answer, opened is None or opened.status == 404
    if opened is None or opened.status in REFUSALS:
        # Try again: with the name of an existing repository, or because the refusal may be temporary.
        opened, answer = _opened(contact, logins, name if absent else new)
    location = (opened.headers.get("location") if opened else None) or ""
    if opened is None or opened.status != 202 or not location:
        state.fail(f"pusher cannot push to {name}: an upload {answer}")
        if opened is not None and opened.status in REFUSALS:
            request = f"{opened.method} {urlsplit(opened.url).path}"
            state.locked = f"pushes are answered {opened.status} ({request}): {NOT_WRITABLE}"
        return
    if absent:
        state.locked = f"an upload to {name} is answered 202, and one to {new}, which is not there yet, {first}"
        mend = "a command of yours may make them: make_repository in [targets.X.hooks]"
        state.fail(f"pusher cannot push to repositories of the run's own: {state.locked}; {mend}")
    else:
        state.ok(f"pusher may push to {name}")
    location = on_requested_origin(location, opened.url) if "://" in location else address_in(opened.url, location)
    # Registries of the distribution family require the action delete to cancel an upload.
    scope = f"repository:{name if absent else new}:pull,push,delete"
    if _cancelled(contact, location, logins, scope):
        return
    where = "" if on_one_host(location, logins.registry.url) else " on another host, to which no login is sent"
    state.warn(f"an upload{where} cannot be cancelled; the one that was opened is left to expire")


def _opened(contact: Contact, logins: Logins, name: str) -> tuple[Exchange | None, str]:
    """Open an upload as the pusher; return the response (None without a token) and a description of it."""
    try:
        key = logins.key("pusher", f"repository:{name}:pull,push")
    except Refused as reason:
        return None, str(reason)
    opened = contact.ask("POST", f"/v2/{name}/blobs/uploads/", key)
    return opened, f"is answered {opened.status}"


def _cancelled(contact: Contact, location: str, logins: Logins, scope: str) -> bool:
    """Return whether an upload could be cancelled; no login is sent to another host."""
    try:
        key = logins.key("pusher", scope) if on_one_host(location, logins.registry.url) else []
        return contact.ask("DELETE", location, key).ok
    except (Refused, Failed):
        return False


def _features(contact: Contact, state: SurfaceState, logins: Logins) -> None:
    role = next((each for each in ("pusher", "puller") if state.credentials.get(each) == "ok"), None)
    if role is not None:
        for name, look in {"registry.catalog": _catalog, "registry.referrers": _referrers}.items():
            observation = contact.attempt(state, partial(look, contact, logins, role))
            state.feature(name, observation or NOT_OBSERVABLE, contact.target.features)
    for name in HARMFUL:
        state.feature(name, NOT_OBSERVABLE, contact.target.features)


def _referrers(contact: Contact, logins: Logins, role: str) -> str:
    try:
        reply = contact.ask("GET", f"/v2/{logins.registry.repository}/referrers/{NO_DIGEST}", logins.key(role))
    except Refused:
        return NOT_OBSERVABLE
    index = _member(reply, "manifests") if reply.status == 200 else False
    # A registry may not know a repository without content, which says nothing about the feature.
    unknown = reply.status == 404 and b"NAME_UNKNOWN" in reply.body
    return OBSERVED if index else NOT_OBSERVABLE if unknown else NOT_OBSERVED


def _catalog(contact: Contact, logins: Logins, role: str) -> str:
    try:
        reply = contact.ask("GET", "/v2/_catalog?n=1", logins.key(role, "registry:catalog:*"))
    except Refused:
        return NOT_OBSERVED
    return OBSERVED if reply.status == 200 and _member(reply, "repositories") else NOT_OBSERVED


def _member(reply: Exchange, name: str) -> bool:
    try:
        return isinstance(reply.json().get(name), list)
    except (ValueError, AttributeError):
        return False
