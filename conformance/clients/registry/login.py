"""How a registry accepts a login, according to its challenge: Basic, or the Docker token flow.

Sources: Docker Registry token authentication (specification and scope documentation), RFC 7617.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Protocol
from urllib.parse import quote, urlencode

from conformance.clients.http import HttpClient, address_in, followed, on_one_host, on_requested_origin
from conformance.clients.oauth.client import lifetime_of
from conformance.clients.registry.challenges import Challenge, challenges
from conformance.vocabulary.exchange import LOCKED_OUT, TOKEN_ENDED, Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotConnected
from conformance.vocabulary.values import basic_login, token_flaw

DEFAULT_LIFETIME_S = 60
RENEWED_BEFORE_S = 10
DENIED = (401, 403)
LOCKED_S = 10
"""How many seconds to wait for a login that may be locked."""
TOKEN, REFRESH_TOKEN = r"\(access_\)*token", r"\(refresh_\)token"
"""The members of a token response that are tokens, as sed expressions with one group."""
Scopes = tuple[str, ...]
NOTHING: Mapping[str, str] = MappingProxyType({})
SUPPORT = "/v2/"
MISSING_MANIFEST = "manifests/cf-no-such-tag"


class Presenter(Protocol):
    """Provides the Authorization field of requests."""

    def authorization(self, scopes: Scopes) -> str | None:
        """Return the field's value for a request that needs these scopes, or None to send none."""


@dataclass(frozen=True)
class Fixed:
    """Presents a fixed value; None sends no field."""

    value: str | None = None

    def authorization(self, scopes: Scopes) -> str | None:
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class Account:
    """Username and password of one role; commands contain ``password_name`` instead of the password."""

    role: str
    username: str
    password: str
    password_name: str = ""


@dataclass(frozen=True)
class CachedToken:
    """A token, and when it was requested and must be renewed, by the monotonic clock."""

    value: str
    requested_at: float
    until: float

    @property
    def age_s(self) -> float:
        """The seconds since the token was requested."""
        return time.monotonic() - self.requested_at


@dataclass
class RegistryAuth:
    """The registry's authentication: the scheme (``basic``, ``bearer``, or "" for none), realm and service.

    A registry may have its own names of actions (token scope documentation): ``delete_action``, and ``listing`` for
    the list of tags. ``accepted_at_s`` is the greatest age at which a token was accepted, ``ended_at_s`` the least at
    which one had ended early; tokens are then used for less than half of that.
    """

    scheme: str
    realm: str
    service: str
    delete_action: str
    http: HttpClient
    listing: tuple[str, ...] = ()
    waited_in_vain: bool = False
    tokens: dict[tuple[str, Scopes], CachedToken] = field(default_factory=dict)
    accepted_at_s: float = 0.0
    ended_at_s: float = math.inf
    lock: threading.RLock = field(default_factory=threading.RLock)

    def request_token(self, scopes: Iterable[str], authorization: str | None = None, **parameters: str) -> Exchange:
        """GET a token: one ``scope`` parameter for each scope, and ``service`` if one was named.

        Redirects on the same host are followed with the login, as engines do (RFC 9110 section 15.4).
        """
        if authorization:
            self.require_encrypted_realm()
        scopes = list(scopes)
        pairs = list({**({"service": self.service} if self.service else {}), **parameters}.items())
        pairs += [("scope", scope) for scope in scopes]
        separator = "&" if "?" in self.realm else "?"
        fields = [("Authorization", authorization)] if authorization else []
        query = urlencode(pairs, safe=":,/*", quote_via=quote)

        def get(address: str) -> Exchange:
            return self.http.send("GET", address, fields)

        return followed(get(f"{self.realm}{separator}{query}"), get, on_one_host)

    def with_challenge(self, challenge: Challenge) -> RegistryAuth:
        """Return the authentication that another challenge names."""
        realm = on_requested_origin(challenge.parameters.get("realm", self.realm), self.http.base_url)
        return replace(self, realm=realm, service=challenge.parameters.get("service", ""), tokens={})

    def expect_login_required(self) -> None:
        """Raise Inconclusive if the registry requires no login, which other checks report."""
        if not self.scheme:
            raise Inconclusive("the registry requires no login", "a registry that requires a login")

    def require_encrypted_realm(self) -> None:
        """Raise Inconclusive if a registry with TLS has a token endpoint without: the password would be unencrypted."""
        if self.http.base_url.startswith("https:") and self.realm.lower().startswith("http:"):
            raise Inconclusive(
                "the realm is a plain http:// address, to which no password is sent", "a realm with https://"
            )

    def token_of(self, account: Account, scopes: Scopes) -> str:
        """Return a cached or new bearer token of an account for these scopes.

        Some token endpoints refuse an account without any of the scopes. Then the token is one without a scope, which
        shows that the login works.
        """
        with self.lock:
            cached = self.tokens.get((account.role, scopes))
            if cached and time.monotonic() < cached.until and cached.age_s < self.ended_at_s / 2:
                return cached.value
            requested_at = time.monotonic()
            granted, reply = scopes, self.request_token_as(account, scopes)
            if scopes and reply.status in DENIED:
                granted, reply = (), self.request_token_as(account, ())
            token = token_in(reply)
            if not token:
                raise Inconclusive(
                    f"the token endpoint gave the login {account.role} no token ({reply.status})",
                    f"a login that works in [targets.X.registry.credentials.{account.role}]",
                )
            self.learn(account, granted, token)
            until = time.monotonic() + lifetime_of(reply, DEFAULT_LIFETIME_S) - RENEWED_BEFORE_S
            self.tokens[account.role, scopes] = CachedToken(token, requested_at, until)
            return token

    def ended_early(self, account: Account, scopes: Scopes, reply: Exchange) -> bool:
        """Return whether a 401 shows that a token ended before its stated end; the next request then gets a new one.

        In that case GET /v2/ refuses the token too, and accepts a new one. It is sent only if no token of twice that
        age was accepted before.
        """
        cached, recording = self.tokens.get((account.role, scopes)), self.http.recorder.recording
        if self.scheme != "bearer" or cached is None:
            return False
        if reply.status != 401:
            self.accepted_at_s = max(self.accepted_at_s, cached.age_s)
        elif cached.age_s > self.accepted_at_s / 2 and (recording is None or recording.has("GET", SUPPORT)):
            age_s = cached.age_s
            if self._supports(cached.value) == 401:
                self.tokens.pop((account.role, scopes), None)
                if self._supports(self.token_of(account, scopes)) != 401:
                    # Recorded evidence has the token requests of that run.
                    self.ended_at_s = min(self.ended_at_s, age_s) if recording is None else math.inf
                    self.http.recorder.event(TOKEN_ENDED)
                    return True
            self.accepted_at_s = max(self.accepted_at_s, age_s)
        return False

    def _supports(self, token: str) -> int:
        """Return the status of the support check with a token."""
        return self.http.send("GET", SUPPORT, [("Authorization", f"Bearer {token}")]).status

    def request_token_as(self, account: Account, scopes: Iterable[str], /, **parameters: str) -> Exchange:
        """Request a token for an account, again after a lock has ended."""
        scopes, basic = list(scopes), basic_login(account.username, account.password)
        reply = self.request_token(scopes, basic, **parameters)
        return self.request_token(scopes, basic, **parameters) if self.unlocks(account, reply) else reply

    def unlocks(self, account: Account, refused: Exchange) -> bool:
        """Return whether a refused login works without a scope, perhaps after a lock has ended.

        Protection against guessing (RFC 6749 section 2.3.1) may refuse a correct login after wrong ones, also those of
        another process. After one vain wait there is no other.
        """
        if self.scheme != "bearer" or refused.status not in DENIED or self.waited_in_vain:
            return False
        for _ in range(LOCKED_S):
            if (reply := self.request_token((), basic_login(account.username, account.password))).status not in DENIED:
                return reply.ok
            self.http.recorder.event(LOCKED_OUT)
            if self.http.recorder.recording is None:
                self.http.recorder.pause(1.0, reply.id)
        self.waited_in_vain = True
        return False

    def learn(self, account: Account, scopes: Scopes, token: str, parameters: Mapping[str, str] = NOTHING) -> None:
        """Name an account's token for scopes in the evidence."""
        tag = short_hash(*scopes, *(f"{name}={value}" for name, value in parameters.items()))
        self.name_token(f"REGISTRY_{account.role.upper()}_TOKEN_{tag}", token, account, scopes, parameters)

    def name_token(
        self,
        name: str,
        token: str,
        account: Account,
        scopes: Scopes,
        parameters: Mapping[str, str],
        member: str = TOKEN,
    ) -> None:
        """Name a token in the evidence, with the command that obtains it."""
        recorder = self.http.recorder
        recorder.redactor.learn(name, token)
        named = {**({"service": self.service} if self.service else {}), **parameters}
        pairs = [*(f"{each}={value}" for each, value in named.items()), *(f"scope={scope}" for scope in scopes)]
        query = " ".join(f"--data-urlencode {word(each)}" for each in pairs)
        recorder.recipe(
            name,
            # By standard input, so that the password is in no process list.
            f'{name}=$(printf %s:%s {word(account.username)} "${account.password_name}" | {USER_OF_PAIR} '
            f"| {self.http.curl} -LG -K - {word(self.realm)} {query} "
            f"| {extraction(member)})",
        )


USER_OF_PAIR = r"""sed 's/[\\"]/\\&/g; s/.*/user = "&"/'"""


def short_hash(*texts: str) -> str:
    """Return a suffix for the names of tokens, so that different requests have different names."""
    return hashlib.sha256(" ".join(texts).encode()).hexdigest()[:8].upper()


def extraction(member: str) -> str:
    """Return the command that extracts a token (``TOKEN`` or ``REFRESH_TOKEN``) from JSON on standard input."""
    return rf"""sed -n 's/.*"{member}" *: *"\([^"]*\)".*/\2/p'"""


@dataclass(frozen=True)
class Login:
    """Presents an account in the registry's scheme."""

    auth: RegistryAuth
    account: Account

    def authorization(self, scopes: Scopes) -> str | None:
        """Return Basic credentials, or a bearer token for the scopes."""
        if self.auth.scheme == "basic":
            if self.account.password_name:
                self._learn_basic_form()
            return basic_login(self.account.username, self.account.password)
        if self.auth.scheme == "bearer":
            return f"Bearer {self.auth.token_of(self.account, scopes)}"
        return None

    def ended_early(self, scopes: Scopes, reply: Exchange) -> bool:
        """Return whether a 401 shows that the token for these scopes ended before its stated end."""
        return self.auth.ended_early(self.account, scopes, reply)

    def _learn_basic_form(self) -> None:
        """Store the command that makes the base64 form of these credentials, for scripts that search responses."""
        name = self.account.password_name
        pair = f'{word(self.account.username)} "${name}"'
        self.auth.http.recorder.recipe(
            f"{name}_IN_BASE64", f"{name}_IN_BASE64=$(printf %s:%s {pair} | base64 | tr -d '\\n')"
        )


def word(text: str) -> str:
    """Quote a text as one shell word, always, since a challenge may contain anything."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def token_in(reply: Exchange) -> str:
    """Return the token of a token response, under either of its names; "" without one."""
    found = (reply.member("token") or reply.member("access_token")) if reply.ok else None
    return "" if token_flaw(found) else str(found)


def discover_auth(http: HttpClient, repository: str) -> RegistryAuth:
    """Return the authentication that the registry's challenges state; the scheme is "" if it requires no login.

    If /v2/ requires none, a repository's challenge counts. A refusal without a challenge means Basic (RFC 7617). A
    429 or 5xx is repeated once, since all later requests depend on the result.
    """
    reply = http.get("/v2/")
    if reply.status == 429 or reply.status >= 500:
        reply = http.get("/v2/")
    ask = partial(_response, http)
    found = usable_challenge(reply)
    if found is None:
        refusal = repository_challenge(ask, repository)
        found = usable_challenge(refusal) or Challenge("basic" if refusal and refusal.status in (401, 403) else "")
    realm = on_requested_origin(found.parameters.get("realm", ""), http.base_url)
    auth = RegistryAuth(found.scheme, realm, found.parameters.get("service", ""), "delete", http)
    if auth.scheme == "bearer":
        actions = _requested_actions(ask("DELETE", f"/v2/{repository}/{MISSING_MANIFEST}"))
        # Deletion may have its own action, or be part of push.
        auth.delete_action = next((each for each in actions if each != "push"), actions[0] if actions else "delete")
        known, listed = ("push", "*", auth.delete_action), f"/v2/{repository}/tags/list"
        recording = http.recorder.recording
        if recording is None or recording.has("GET", listed):
            auth.listing = tuple(each for each in _requested_actions(ask("GET", listed)) if each not in known)
    return auth


def _requested_actions(reply: Exchange | None) -> list[str]:
    """Return the actions that a challenge requests, except pull."""
    found = usable_challenge(reply)
    _, colon, actions = (found.parameters if found else {}).get("scope", "").rpartition(":")
    return [each for each in actions.split(",") if colon and each not in ("", "pull")]


def repository_challenge(ask: Callable[[str, str], Exchange | None], repository: str) -> Exchange | None:
    """Return the response of a repository that may have a challenge; None if there is no response.

    It is that of a read or, if reading requires no login, of a push. ``ask`` takes method and path.
    """
    paths = (f"/v2/{repository}/tags/list", f"/v2/{repository}/{MISSING_MANIFEST}")
    read = next((each for path in paths if (each := ask("GET", path)) is not None), None)
    if read is None or read.status in (401, 403):
        return read
    upload = ask("POST", f"/v2/{repository}/blobs/uploads/")
    if upload is not None and upload.ok and (location := upload.headers.get("location")):
        # Cancel the upload, unless its address is unreachable.
        with suppress(NotConnected):
            ask("DELETE", address_in(upload.url, location))
    return upload


def usable_challenge(reply: Exchange | None) -> Challenge | None:
    """Return the first usable challenge of a 401: Bearer with parameters, or else Basic.

    Bearer takes precedence, because tokens have their own permissions.
    """
    offered = challenges(reply) if reply is not None and reply.status == 401 else []
    for scheme in ("bearer", "basic"):
        for each in offered:
            if each.scheme == scheme and (each.parameters or scheme == "basic"):
                return each
    return None


def _response(http: HttpClient, method: str, path: str) -> Exchange | None:
    try:
        return http.send(method, path)
    except NonConformance:
        return None
