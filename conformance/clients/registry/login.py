"""How a registry takes a login, found out from its challenge: Basic, or the Docker token flow.

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
from conformance.vocabulary.values import basic_login

DEFAULT_LIFETIME_S = 60
RENEWED_BEFORE_S = 10
DENIED = (401, 403)
LOCKED_S = 10
"""For how long a login is waited for that may be locked."""
TOKEN, REFRESH_TOKEN = r"\(access_\)*token", r"\(refresh_\)token"
"""The members of a token endpoint's answer that are tokens, as an expression of sed's with one group."""
Scopes = tuple[str, ...]
NOTHING: Mapping[str, str] = MappingProxyType({})
SUPPORT = "/v2/"
NOTHING_THERE = "manifests/cf-no-such-tag"


class Presenter(Protocol):
    """Something that knows what to put into the Authorization field of a request."""

    def authorization(self, scopes: Scopes) -> str | None:
        """The field's value for a request that needs these scopes, or None to send none."""


@dataclass(frozen=True)
class Fixed:
    """Presents the same value always; None sends no field."""

    value: str | None = None

    def authorization(self, scopes: Scopes) -> str | None:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Account:
    """Username and password of one role; ``password_name`` stands for the password in commands."""

    role: str
    username: str
    password: str
    password_name: str = ""


@dataclass(frozen=True)
class CachedToken:
    """A token, and when it was requested and ends, by the monotonic clock."""

    value: str
    begun: float
    until: float

    @property
    def age_s(self) -> float:
        """For how many seconds it has been known."""
        return time.monotonic() - self.begun


@dataclass
class Door:
    """What the registry's challenge says: the scheme (``basic``, ``bearer``, or "" where it is open), realm, service.

    ``opened`` asks for it once (``GET /v2/`` without credentials). Of actions that go by names of the registry's own
    (token scope documentation: pull and push are examples) ``listing`` are those that its challenge asks of a list.
    ``accepted_at_s`` is the greatest age at which a token was accepted, ``ended_at_s`` the least at which one had ended
    early: from then on none is used for half as long.
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

    def request_token(
        self,
        scopes: Iterable[str],
        authorization: str | None = None,
        **parameters: str,
    ) -> Exchange:
        """GET of the token endpoint: one ``scope`` parameter for each scope, and ``service`` where one was named.

        It may lead elsewhere on the same host, where engines follow it with the login (RFC 9110 section 15.4).
        """
        if authorization:
            self.keep_from_clear()
        scopes = list(scopes)
        pairs = list({**({"service": self.service} if self.service else {}), **parameters}.items())
        pairs += [("scope", scope) for scope in scopes]
        separator = "&" if "?" in self.realm else "?"
        fields = [("Authorization", authorization)] if authorization else []
        query = urlencode(pairs, safe=":,/*", quote_via=quote)

        def asked(address: str) -> Exchange:
            return self.http.send("GET", address, fields)

        return followed(asked(f"{self.realm}{separator}{query}"), asked, on_one_host)

    def with_challenge(self, challenge: Challenge) -> Door:
        """The same where another challenge leads."""
        realm = on_requested_origin(challenge.parameters.get("realm", self.realm), self.http.base_url)
        return replace(self, realm=realm, service=challenge.parameters.get("service", ""), tokens={})

    def expect_locked(self) -> None:
        """Inconclusive where nobody is asked for a login: what no login opens there is told by the checks of that."""
        if not self.scheme:
            raise Inconclusive("the registry requires no login", "a registry that requires a login")

    def keep_from_clear(self) -> None:
        """Inconclusive where a password would go in clear to the token endpoint of a registry behind TLS."""
        if self.http.base_url.startswith("https:") and self.realm.lower().startswith("http:"):
            raise Inconclusive(
                "the realm is a plain http:// address, to which no password is sent", "a realm with https://"
            )

    def token_of(self, account: Account, scopes: Scopes) -> str:
        """A bearer token of an account for these scopes, asked for where none is at hand.

        Whom the endpoint refuses one, as some do to who may have nothing of what is asked, shows one without a scope:
        what the registry says to that is looked at then, and that login works.
        """
        with self.lock:
            cached = self.tokens.get((account.role, scopes))
            if cached and time.monotonic() < cached.until and cached.age_s < self.ended_at_s / 2:
                return cached.value
            begun = time.monotonic()
            asked, reply = scopes, self.request_token_as(account, scopes)
            if scopes and reply.status in DENIED:
                asked, reply = (), self.request_token_as(account, ())
            token = token_in(reply)
            if not token:
                raise Inconclusive(
                    f"the token endpoint gave the login {account.role} no token ({reply.status})",
                    f"a login that works in [targets.X.registry.credentials.{account.role}]",
                )
            self.learn(account, asked, token)
            until = time.monotonic() + lifetime_of(reply, DEFAULT_LIFETIME_S) - RENEWED_BEFORE_S
            self.tokens[account.role, scopes] = CachedToken(token, begun, until)
            return token

    def ended_early(self, account: Account, scopes: Scopes, reply: Exchange) -> bool:
        """Whether a 401 shows that a token ended before its stated end; then the next request gets a new one.

        GET /v2/ tells: it refuses the token as well, and accepts a new one. It is sent only if no token of twice that
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
                    # Evidence that is judged again has the tokens as they were requested then.
                    self.ended_at_s = min(self.ended_at_s, age_s) if recording is None else math.inf
                    self.http.recorder.event(TOKEN_ENDED)
                    return True
            self.accepted_at_s = max(self.accepted_at_s, age_s)
        return False

    def _supports(self, token: str) -> int:
        """The status of the support check with a token."""
        return self.http.send("GET", SUPPORT, [("Authorization", f"Bearer {token}")]).status

    def request_token_as(self, account: Account, scopes: Iterable[str], /, **parameters: str) -> Exchange:
        """The token endpoint's answer to an account; to one that is locked, when it is let in again."""
        scopes, basic = list(scopes), basic_login(account.username, account.password)
        reply = self.request_token(scopes, basic, **parameters)
        return self.request_token(scopes, basic, **parameters) if self.lets_in(account, reply) else reply

    def lets_in(self, account: Account, refused: Exchange) -> bool:
        """Whether a login that was refused is let in for no scope: at once, or as soon as it is locked no more.

        Who protects logins against guessing (RFC 6749 section 2.3.1) refuses for a while what is right after what was
        wrong, be it another process that showed it. Where that is waited for in vain it is not waited for again.
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
        """Has a token that an account was given for scopes called by a name, and tells how it is had again."""
        tag = tag_of(*scopes, *(f"{name}={value}" for name, value in parameters.items()))
        self.call(f"REGISTRY_{account.role.upper()}_TOKEN_{tag}", token, account, scopes, parameters)

    def call(
        self,
        name: str,
        token: str,
        account: Account,
        scopes: Scopes,
        parameters: Mapping[str, str],
        member: str = TOKEN,
    ) -> None:
        """Has a token called by this name, and tells by which question of an account's it is had again."""
        recorder = self.http.recorder
        recorder.redactor.learn(name, token)
        named = {**({"service": self.service} if self.service else {}), **parameters}
        asked = [*(f"{each}={value}" for each, value in named.items()), *(f"scope={scope}" for scope in scopes)]
        query = " ".join(f"--data-urlencode {word(each)}" for each in asked)
        recorder.recipe(
            name,
            # By standard input, so that the password is in no list of processes.
            f'{name}=$(printf %s:%s {word(account.username)} "${account.password_name}" | {USER_OF_PAIR} '
            f"| {self.http.asking} -LG -K - {word(self.realm)} {query} "
            f"| {picked(member)})",
        )


USER_OF_PAIR = r"""sed 's/[\\"]/\\&/g; s/.*/user = "&"/'"""


def tag_of(*asked: str) -> str:
    """What tells names of tokens apart, of which several processes, or parts of a run, have each their own."""
    return hashlib.sha256(" ".join(asked).encode()).hexdigest()[:8].upper()


def picked(member: str) -> str:
    """The command that picks a token out of a JSON object on standard input, ``TOKEN`` or ``REFRESH_TOKEN``."""
    return rf"""sed -n 's/.*"{member}" *: *"\([^"]*\)".*/\2/p'"""


@dataclass(frozen=True)
class Login:
    """Presents an account in the way that the door takes it."""

    door: Door
    account: Account

    def authorization(self, scopes: Scopes) -> str | None:
        """Basic credentials, or a bearer token for the scopes."""
        if self.door.scheme == "basic":
            if self.account.password_name:
                self._learn_basic_form()
            return basic_login(self.account.username, self.account.password)
        if self.door.scheme == "bearer":
            return f"Bearer {self.door.token_of(self.account, scopes)}"
        return None

    def ended_early(self, scopes: Scopes, reply: Exchange) -> bool:
        """Whether a 401 shows that the token for these scopes ended before its stated end."""
        return self.door.ended_early(self.account, scopes, reply)

    def _learn_basic_form(self) -> None:
        """What looks for these credentials in an answer knows them by a name, which is made of the password's."""
        name = self.account.password_name
        pair = f'{word(self.account.username)} "${name}"'
        self.door.http.recorder.recipe(
            f"{name}_IN_BASE64", f"{name}_IN_BASE64=$(printf %s:%s {pair} | base64 | tr -d '\\n')"
        )


def word(text: str) -> str:
    """A text as one word of the shell, quoted also where it need not be: a challenge may say anything."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def token_in(reply: Exchange) -> str:
    """The token of a token endpoint's answer, under either of its names; "" where there is none."""
    found = (reply.member("token") or reply.member("access_token")) if reply.ok else None
    return found if isinstance(found, str) else ""


def open_door(http: HttpClient, repository: str) -> Door:
    """What the registry's challenges say; an open registry's door has no scheme.

    Asked again where the answer says nothing of it, for all that is sent later goes by it: of the repository where
    /v2/ is open. Who lets nobody in without saying how is shown a password as it is (RFC 7617). What gets no answer is
    for the checks of that request.
    """
    reply = http.get("/v2/")
    if reply.status == 429 or reply.status >= 500:
        reply = http.get("/v2/")
    ask = partial(_answer, http)
    found = answered_by(reply)
    if found is None:
        shown = repository_challenge(ask, repository)
        found = answered_by(shown) or Challenge("basic" if shown and shown.status in (401, 403) else "")
    realm = on_requested_origin(found.parameters.get("realm", ""), http.base_url)
    door = Door(found.scheme, realm, found.parameters.get("service", ""), "delete", http)
    if door.scheme == "bearer":
        asked = _wanted(ask("DELETE", f"/v2/{repository}/{NOTHING_THERE}"))
        # Deleting may be a right of its own, or part of that to push.
        door.delete_action = next((each for each in asked if each != "push"), asked[0] if asked else "delete")
        known, listed = ("push", "*", door.delete_action), f"/v2/{repository}/tags/list"
        recording = http.recorder.recording
        if recording is None or recording.has("GET", listed):
            door.listing = tuple(each for each in _wanted(ask("GET", listed)) if each not in known)
    return door


def _wanted(reply: Exchange | None) -> list[str]:
    """The actions that a challenge asks for, but pull."""
    found = answered_by(reply)
    _, colon, actions = (found.parameters if found else {}).get("scope", "").rpartition(":")
    return [each for each in actions.split(",") if colon and each not in ("", "pull")]


def repository_challenge(ask: Callable[[str, str], Exchange | None], repository: str) -> Exchange | None:
    """The answer that tells the login of a repository where /v2/ tells none; None where nothing is answered.

    Of a read, by tags or by a manifest where the first gets no answer; and by who would push where readers are let in
    without a login, so that a few checks are about that and not every other. ``ask`` takes method and path.
    """
    paths = (f"/v2/{repository}/tags/list", f"/v2/{repository}/{NOTHING_THERE}")
    read = next((each for path in paths if (each := ask("GET", path)) is not None), None)
    if read is None or read.status in (401, 403):
        return read
    upload = ask("POST", f"/v2/{repository}/blobs/uploads/")
    if upload is not None and upload.ok and (location := upload.headers.get("location")):
        # It was opened for nobody, and is given up again; where its address leads nowhere it cannot be.
        with suppress(NotConnected):
            ask("DELETE", address_in(upload.url, location))
    return upload


def answered_by(reply: Exchange | None) -> Challenge | None:
    """The challenge of a 401 that a login answers: the first Bearer with parameters, or else Basic, which needs none.

    Where both are offered, in whatever order, the tokens are looked at: they have rights of their own.
    """
    offered = challenges(reply) if reply is not None and reply.status == 401 else []
    for scheme in ("bearer", "basic"):
        for each in offered:
            if each.scheme == scheme and (each.parameters or scheme == "basic"):
                return each
    return None


def _answer(http: HttpClient, method: str, path: str) -> Exchange | None:
    try:
        return http.send(method, path)
    except NonConformance:
        return None
