"""Speaks with the token endpoint: token requests with full control over every byte, tokens by role.

Nothing here judges. A token that a check needs and cannot have ends the check as inconclusive.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from operator import eq
from threading import RLock
from urllib.parse import parse_qsl, quote_plus

from conformance.clients.http import HttpClient
from conformance.clients.oauth.account_lockout import Guesses
from conformance.clients.oauth.single_active_token import OneEach
from conformance.clients.transport.retry_after import UNTOLD_S
from conformance.target.description import Credential, Identity
from conformance.vocabulary.exchange import BETWEEN_GUESSES, GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared
from conformance.vocabulary.values import basic_login, part_of_jwt

FORM = "application/x-www-form-urlencoded"
FORM_TYPE = ("Content-Type", FORM)
DOCUMENTED_TOKEN_PATH = "/oauth/token"
DOCUMENTED_SCOPE = "organization:read"
"""The path and the scope that the API Reference prints (Authentication)."""
RENEWED_BEFORE_S = 30
LONGEST_LIFETIME_S = 10**9
Pairs = list[tuple[str, str]]
HeaderFields = Iterable[tuple[str, str | bytes]]


def encoded(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Pairs as an application/x-www-form-urlencoded body, order and repetition kept (RFC 6749 appendix B)."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


def percent_encoded(text: str) -> str:
    """Every byte percent-encoded, in hexadecimal digits of either case by turns (RFC 3986 section 2.1: equivalent)."""
    return "".join((f"%{byte:02x}" if place % 2 else f"%{byte:02X}") for place, byte in enumerate(text.encode()))


def basic(client_id: str, secret: str, scheme: str = "Basic") -> tuple[str, str]:
    """An Authorization field with form-encoded client credentials (RFC 6749 section 2.3.1)."""
    return "Authorization", basic_login(quote_plus(client_id), quote_plus(secret), scheme)


def bearer(token: str) -> tuple[str, str]:
    """The Authorization field of RFC 6750 section 2.1."""
    return "Authorization", f"Bearer {token}"


def access_token(reply: Exchange) -> str | None:
    """The access token in an answer, None where there is none that can be used."""
    token = reply.member("access_token")
    return token if isinstance(token, str) and token else None


def lifetime_of(reply: Exchange, untold_s: float) -> float:
    """Seconds that the token of an answer lives, thirty years at most; ``untold_s`` where the answer does not say."""
    lifetime_s = reply.member("expires_in")
    return float(max(0, min(lifetime_s, LONGEST_LIFETIME_S))) if isinstance(lifetime_s, int | float) else untold_s


def reuse_time_s(reply: Exchange) -> float:
    """Seconds for which the token of an answer is used: less than it lives, always where nothing is said of that.

    That one says of itself that it ends sooner than the answer says is a finding of one check, and not of all behind.
    """
    life_s = min(lifetime_of(reply, math.inf), _own_lifetime(access_token(reply) or ""))
    return life_s - min(life_s / 2, RENEWED_BEFORE_S)


def _own_lifetime(token: str) -> float:
    """Seconds that a JWT says it lives; without an end where it says nothing, or is none."""
    claims = part_of_jwt(token, 1) or {}
    try:
        return max(0.0, float(claims["exp"]) - float(claims["iat"]))
    except (ValueError, LookupError, TypeError, OverflowError):
        return math.inf


@dataclass
class OAuthClient:
    """Token requests for the credentials of a target, by role; tokens are kept per role and scopes."""

    identity: Identity
    http: HttpClient
    _tokens: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    _decodes: bool | None = None
    """Whether credentials that differ when they are form-encoded are taken so in Basic; None: not seen yet."""
    _stated: dict[str, frozenset[str]] = field(default_factory=dict)
    """The scopes that the answer with a token stated, where it stated any."""
    _ends: dict[str, float] = field(default_factory=dict)
    """When a token is to be had anew."""
    one_each: OneEach = field(default_factory=OneEach)
    _issuing: RLock = field(default_factory=RLock, repr=False, compare=False)
    guesses: Guesses | None = None
    """Keeps wrong secrets from locking the credential full, where it is told to."""

    def guarded(self) -> OAuthClient:
        """The same client, from now on with good requests between wrong secrets."""
        between = replace(self, http=self.http.labelled(BETWEEN_GUESSES))
        self.guesses = Guesses(self.http, lambda: between._sent(between.form()))
        return self

    def unguarded(self) -> OAuthClient:
        """A client without: what comes of many wrong secrets is what is asked."""
        return replace(self, guesses=None)

    def at_documented_path(self) -> OAuthClient:
        """The same client, which sends token requests to the documented path whatever the target file names."""
        identity = self.identity.model_copy(update={"token_path": DOCUMENTED_TOKEN_PATH})
        return replace(self, identity=identity)

    def role_with_documented_scope(self) -> str | None:
        """A role whose credential declares the documented scope, None where there is none."""
        declaring = (role for role in ("full", "narrow") if self.has(role))
        return next((role for role in declaring if DOCUMENTED_SCOPE in self.credential(role).scopes), None)

    def credential(self, role: str) -> Credential:
        """The credential in a role; NotDeclared if the target file has none, Inconclusive if the target refuses it.

        Without the role full no check can judge, so that is Inconclusive, too.
        """
        self.identity.need(role)
        found = self.identity.credentials.get(role)  # type: ignore[call-overload]
        if isinstance(found, Credential):
            return found
        place = f"[targets.X.identity.credentials.{role}]"
        if role == "full":
            raise Inconclusive(f"the target file has no credential in the role {role}", f"a credential in {place}")
        raise NotDeclared(
            f"the target file has no credential in the role {role}: {place}", f"identity.credentials.{role}"
        )

    def scopes(self, role: str = "full") -> list[str]:
        """The scopes of a credential; NotApplicable where the target file declares none, as it need not."""
        found = self.credential(role).scopes
        if not found:
            raise NotDeclared(
                f"the target file declares no scopes of the credential {role}", f"identity.credentials.{role}.scopes"
            )
        return found

    def lacks(self, role: str, scope: str) -> bool:
        """Whether there is a credential in a role that declares scopes, and not this one."""
        return self.has(role) and bool(own := self.credential(role).scopes) and scope not in own

    def has(self, role: str) -> bool:
        """Whether the target file has a credential in a role."""
        return role in self.identity.credentials

    def form(self, role: str = "full", **changes: str | None) -> Pairs:
        """The pairs of a good token request of a role, for all its scopes: a server may demand that a scope is named.

        A keyword sets a parameter, None leaves it out.
        """
        credential = self.credential(role)
        fields: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": credential.client_id,
            "client_secret": credential.client_secret.reveal(),
            "scope": " ".join(credential.scopes) or None,
            **changes,
        }
        return [(name, value) for name, value in fields.items() if value is not None]

    def post(
        self,
        body: bytes | Pairs,
        headers: HeaderFields = (FORM_TYPE,),
        method: str = "POST",
        query: str = "",
    ) -> Exchange:
        """One token request, exactly as given; ``query`` begins with "?" where there is one."""
        if self.guesses is None:
            return self._sent(body, headers, method, query)
        fields = tuple(headers)
        return self.guesses.send(lambda: self._sent(body, fields, method, query), self.shown(body, fields))

    def _sent(
        self, body: bytes | Pairs, headers: HeaderFields = (FORM_TYPE,), method: str = "POST", query: str = ""
    ) -> Exchange:
        data, fields = body if isinstance(body, bytes) else encoded(body), tuple(headers)
        reply = self.http.send(method, self.identity.token_path + query, fields, data)
        if (token := access_token(reply)) and (role := self.shown(body, fields)):
            self.one_each.latest[role] = token
        return reply

    def shown(self, body: bytes | Pairs, headers: HeaderFields) -> str | None:
        """The role whose id and secret a request shows, in Basic where there is any, else in its body."""
        form = dict(parse_qsl(body.decode("latin-1")) if isinstance(body, bytes) else body)
        by_basic = [str(value).partition(" ")[2] for name, value in headers if name.lower() == "authorization"]
        for role, credential in self.identity.credentials.items():
            pair = credential.client_id, credential.client_secret.reveal()
            good = [[basic_login(*each, "").strip()] for each in (pair, (quote_plus(pair[0]), quote_plus(pair[1])))]
            if by_basic in good or (not by_basic and (form.get("client_id"), form.get("client_secret")) == pair):
                return role
        return None

    def request_token(self, role: str = "full", **changes: str | None) -> Exchange:
        """A token request by form with the credentials in the body, with changes as in ``form``."""
        return self.post(self.form(role, **changes))

    def good_request(self, role: str = "full", *scopes: str) -> Exchange:
        """A token request that is a precondition, for these scopes (none: the credential's own).

        It is sent once more where a gateway reached no service: to ask for a token is safe.
        """
        scope = " ".join(scopes or self.credential(role).scopes) or None
        reply = self.request_token(role, scope=scope)
        if reply.status in GATEWAY_ERRORS:
            self.http.recorder.pause(UNTOLD_S, reply.id)
            reply = self.request_token(role, scope=scope)
        return reply

    def request_by_basic(self, role: str = "full", scheme: str = "Basic", **changes: str | None) -> Exchange:
        """The same with the client credentials in the Authorization field."""
        return self.request_under(self.basic(role, scheme), role, **changes)

    def request_under(
        self, authorization: tuple[str, str | bytes], role: str = "full", **changes: str | None
    ) -> Exchange:
        """A token request of a role with this Authorization field; the body has only the credentials in ``changes``."""
        pairs = self.form(role, **{"client_id": None, "client_secret": None, **changes})
        return self.post(pairs, (FORM_TYPE, authorization))

    def needs_basic(self) -> None:
        """Where Basic gets no token at all, NotApplicable: that is one finding, and not one of each check of Basic."""
        if not self.request_by_basic().ok:
            raise NotApplicable("the token endpoint refuses HTTP Basic; another check reports that")

    def basic(self, role: str = "full", scheme: str = "Basic") -> tuple[str, str]:
        """An Authorization field with a role's credentials as the server takes them."""
        return "Authorization", basic_login(*self.basic_pair(role), scheme)

    def basic_pair(self, role: str = "full") -> tuple[str, str]:
        """A role's id and secret as they stand in Basic: form-encoded (RFC 6749 section 2.3.1).

        As they are where a server was seen to take them so and not encoded: that is one finding, and not one of each
        check that shows credentials in this way.
        """
        credential = self.credential(role)
        plain = credential.client_id, credential.client_secret.reveal()
        encoded = quote_plus(plain[0]), quote_plus(plain[1])
        if plain == encoded:
            return plain
        if self._decodes is None:
            form = self.form(role, client_id=None, client_secret=None)
            for decodes, pair in ((True, encoded), (False, plain)):
                # Where neither is taken, the credential is none that opens anything, and shows nothing.
                if self.post(form, (FORM_TYPE, ("Authorization", basic_login(*pair)))).ok:
                    self._decodes = decodes
                    break
        return plain if self._decodes is False else encoded

    def token(self, role: str, *scopes: str) -> str:
        """A token of a role with these scopes (none: its credential's own); kept and given again while it lives."""
        return self._current(role, scopes, lambda kept: time.monotonic() >= self._ends[kept])

    def _current(self, role: str, scopes: tuple[str, ...], is_spent: Callable[[str], bool]) -> str:
        """The stored token, or a new one if that is spent, or ended by another.

        Of requests at once one gets it for all: a further token may end the first.
        """
        key = (role, scopes)
        with self._issuing:
            kept = self._tokens.get(key)
            if kept is None or is_spent(kept) or self.one_each.is_ended(role, kept):
                self._tokens[key] = self.fresh_token(role, *scopes)
            return self._tokens[key]

    def token_without(self, scope: str) -> str:
        """A valid token of the organization under test that lacks one scope."""
        own = self.credential("full").scopes
        for token in (self.token("full", each) for each in own if each != scope):
            if not self.states(token, scope):
                return token
        if self.lacks("narrow", scope):
            return self.token("narrow")
        raise Inconclusive(
            f"every credential of the target file needs {scope} for any token", "a role full with two scopes or more"
        )

    def tokens_without(self, scope: str) -> list[str]:
        """Tokens without a scope: one a further scope of the full role, one of them all, and the narrow role's own."""
        own = [each for each in self.credential("full").scopes if each != scope]
        asked = [(each,) for each in own] + ([tuple(own)] if len(own) > 1 else [])
        tokens = [token for each in asked if not self.states(token := self.token("full", *each), scope)]
        if self.lacks("narrow", scope):
            tokens.append(self.token("narrow"))
        return tokens or [self.token_without(scope)]

    def renewed(self, headers: HeaderFields) -> list[tuple[str, str | bytes]] | None:
        """The fields of a refused request with a new token, where another of its client may have ended the one there.

        None where none has; evidence of an earlier suite has no such token.
        """
        tape, fields = self.http.recorder.tape, list(headers)
        if tape is not None and not tape.has("POST", self.identity.token_path):
            return None
        for place, (name, value) in enumerate(fields):
            token = value.removeprefix("Bearer ") if isinstance(value, str) else ""
            if (name, value) == bearer(token) and self.one_each.may_be_ended(token):
                role, scopes = self.one_each.issued[token]
                fields[place] = bearer(self._current(role, scopes, partial(eq, token)))
                return fields
        return None

    def fresh_token(self, role: str, *scopes: str) -> str:
        """A new token of a role; Inconclusive where none is given."""
        return self.learned_token(self.good_request(role, *scopes), role, scopes)

    def learned_token(self, reply: Exchange, role: str, scopes: Iterable[str] = ()) -> str:
        """The token of an answer, made known to the redactor with the command that gets it again."""
        token = access_token(reply) if reply.ok else None
        if token is None:
            raise Inconclusive(
                f"the credential {role} gets no token ({reply.status})",
                f"a working credential in the role {role} with its scopes",
            )
        self.learn(token, role, scopes)
        stated = reply.member("scope")
        self._ends[token] = time.monotonic() + reuse_time_s(reply)
        self.one_each.issued[token] = role, tuple(scopes)
        self._stated[token] = frozenset(stated.split()) if isinstance(stated, str) else frozenset()
        return token

    def states(self, token: str, scope: str) -> bool:
        """Whether a token was said to have a scope: one may be granted beside those that were asked for."""
        return scope in self._stated.get(token, ())

    def learn(self, token: str, role: str, scopes: Iterable[str] = ()) -> None:
        """Has a token shown as ``$ROLE_TOKEN`` and told how to get it."""
        credential = self.credential(role)
        scope = " ".join(scopes or credential.scopes)
        name = re.sub(r"[^A-Z0-9]+", "_", "_".join([role, *scopes, "token"]).upper())
        data = f"-d grant_type=client_credentials --data-urlencode {shlex.quote(f'client_id={credential.client_id}')} "
        data += f"--data-urlencode client_secret@- --data-urlencode {shlex.quote(f'scope={scope}')}"
        # By standard input, so that the secret is in no list of processes.
        given = f'printf %s "${credential.client_secret.name}"'
        picked = """sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p'"""
        recorder = self.http.recorder
        recorder.redactor.learn(name, token)
        if role == "foreign":
            recorder.watch.excuse(token)
        asked = f"{self.http.asking} {shlex.quote(self.http.base_url + self.identity.token_path)} {data}"
        recorder.recipe(name, f"{name}=$({given} | {asked} | {picked})")

    def digest(self, role: str) -> str:
        """Return the SHA-256 of a role's secret, which reports show as ``$NAME_SHA256``."""
        secret, recorder = self.credential(role).client_secret, self.http.recorder
        name, digest = f"{secret.name}_SHA256", hashlib.sha256(secret.reveal().encode()).hexdigest()
        recorder.redactor.learn_digest(name, digest)
        hashed = "{ sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1"
        recorder.recipe(name, f'{name}=$(printf %s "${secret.name}" | {hashed})')
        return digest

    def open(self, reply: Exchange, role: str = "full") -> None:
        """Makes known the token that an answer may carry, so that none is ever shown."""
        token = access_token(reply)
        if token is not None:
            self.learn(token, role)
