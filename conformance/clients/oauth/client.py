"""The client of the token endpoint: token requests with full control over every byte, and tokens by role.

A check that needs a token and gets none is inconclusive.
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
from conformance.clients.oauth.single_active_token import SingleActiveToken
from conformance.clients.transport.retry_after import DEFAULT_WAIT_S
from conformance.target.description import Credential, Identity
from conformance.vocabulary.exchange import BETWEEN_GUESSES, GATEWAY_ERRORS, Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotDeclared
from conformance.vocabulary.values import basic_login, part_of_jwt, token_flaw

FORM = "application/x-www-form-urlencoded"
FORM_TYPE = ("Content-Type", FORM)
DOCUMENTED_TOKEN_PATH = "/oauth/token"
DOCUMENTED_SCOPE = "organization:read"
"""The path and the scope in the API Reference (Authentication)."""
RENEWED_BEFORE_S = 30
LONGEST_LIFETIME_S = 10**9
Pairs = list[tuple[str, str]]
HeaderFields = Iterable[tuple[str, str | bytes]]


def encoded(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Encode pairs as application/x-www-form-urlencoded, in order and with repetitions (RFC 6749 appendix B)."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


def percent_encoded(text: str) -> str:
    """Percent-encode every byte, alternately in lower and upper case, which are equivalent (RFC 3986 section 2.1)."""
    return "".join((f"%{byte:02x}" if place % 2 else f"%{byte:02X}") for place, byte in enumerate(text.encode()))


def basic(client_id: str, secret: str, scheme: str = "Basic") -> tuple[str, str]:
    """Return an Authorization field with form-encoded client credentials (RFC 6749 section 2.3.1)."""
    return "Authorization", basic_login(quote_plus(client_id), quote_plus(secret), scheme)


def bearer(token: str) -> tuple[str, str]:
    """Return the Authorization field of RFC 6750 section 2.1."""
    return "Authorization", f"Bearer {token}"


def access_token(reply: Exchange) -> str | None:
    """Return the access token in a response; None without a usable one."""
    token = reply.member("access_token")
    return None if token_flaw(token) else str(token)


def lifetime_of(reply: Exchange, default_s: float) -> float:
    """Return the stated lifetime of a token in seconds, at most thirty years; ``default_s`` if none is stated."""
    lifetime_s = reply.member("expires_in")
    return float(max(0, min(lifetime_s, LONGEST_LIFETIME_S))) if isinstance(lifetime_s, int | float) else default_s


def reuse_time_s(reply: Exchange) -> float:
    """Return for how many seconds to reuse the token of a response: less than its lifetime, infinite if none is stated.

    A JWT may state a shorter lifetime than the response, which another check reports.
    """
    life_s = min(lifetime_of(reply, math.inf), _own_lifetime(access_token(reply) or ""))
    return life_s - min(life_s / 2, RENEWED_BEFORE_S)


def _own_lifetime(token: str) -> float:
    """Return the lifetime that a JWT states in seconds; infinite without one."""
    claims = part_of_jwt(token, 1) or {}
    try:
        return max(0.0, float(claims["exp"]) - float(claims["iat"]))
    except (ValueError, LookupError, TypeError, OverflowError):
        return math.inf


@dataclass
class OAuthClient:
    """Token requests for the credentials of a target, by role; tokens are cached by role and scopes."""

    identity: Identity
    http: HttpClient
    _tokens: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    _decodes: bool | None = None
    """Whether the server decodes form-encoded credentials in Basic; None: not known yet."""
    _stated: dict[str, frozenset[str]] = field(default_factory=dict)
    """The scopes that the response with a token stated, if any."""
    _ends: dict[str, float] = field(default_factory=dict)
    """When a token must be renewed."""
    single_active: SingleActiveToken = field(default_factory=SingleActiveToken)
    _issuing: RLock = field(default_factory=RLock, repr=False, compare=False)
    guesses: Guesses | None = None
    """Prevents wrong secrets from locking the credential full, if set."""

    def guarded(self) -> OAuthClient:
        """Send correct requests between wrong secrets from now on; return this client."""
        between = replace(self, http=self.http.labelled(BETWEEN_GUESSES))
        self.guesses = Guesses(self.http, lambda: between._sent(between.form()))
        return self

    def unguarded(self) -> OAuthClient:
        """Return a client without these requests, for checks of many wrong secrets."""
        return replace(self, guesses=None)

    def at_documented_path(self) -> OAuthClient:
        """Return a client that uses the documented token path, whatever the target file names."""
        identity = self.identity.model_copy(update={"token_path": DOCUMENTED_TOKEN_PATH})
        return replace(self, identity=identity)

    def role_with_documented_scope(self) -> str | None:
        """Return a role whose credential declares the documented scope; None without one."""
        declaring = (role for role in ("full", "narrow") if self.has(role))
        return next((role for role in declaring if DOCUMENTED_SCOPE in self.credential(role).scopes), None)

    def credential(self, role: str) -> Credential:
        """Return the credential of a role; NotDeclared if the target file has none, Inconclusive if it is refused.

        A missing role ``full`` is Inconclusive too, since no check can judge without it.
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
        """Return the scopes of a credential; NotApplicable if the target file declares none."""
        found = self.credential(role).scopes
        if not found:
            raise NotDeclared(
                f"the target file declares no scopes of the credential {role}", f"identity.credentials.{role}.scopes"
            )
        return found

    def lacks(self, role: str, scope: str) -> bool:
        """Return whether a role's credential declares scopes without this one."""
        return self.has(role) and bool(own := self.credential(role).scopes) and scope not in own

    def has(self, role: str) -> bool:
        """Return whether the target file has a credential in a role."""
        return role in self.identity.credentials

    def form(self, role: str = "full", **changes: str | None) -> Pairs:
        """Return the pairs of a correct token request of a role with all its scopes, which a server may require.

        A keyword sets a parameter; None removes it.
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
        self, body: bytes | Pairs, headers: HeaderFields = (FORM_TYPE,), method: str = "POST", query: str = ""
    ) -> Exchange:
        """Send one token request unchanged; ``query`` starts with "?" unless empty."""
        if self.guesses is None:
            return self._sent(body, headers, method, query)
        fields = tuple(headers)
        return self.guesses.send(lambda: self._sent(body, fields, method, query), self.presented_role(body, fields))

    def _sent(
        self, body: bytes | Pairs, headers: HeaderFields = (FORM_TYPE,), method: str = "POST", query: str = ""
    ) -> Exchange:
        data, fields = body if isinstance(body, bytes) else encoded(body), tuple(headers)
        reply = self.http.send(method, self.identity.token_path + query, fields, data)
        if (token := access_token(reply)) and (role := self.presented_role(body, fields)):
            self.single_active.latest[role] = token
        return reply

    def presented_role(self, body: bytes | Pairs, headers: HeaderFields) -> str | None:
        """Return the role whose id and secret a request presents, in Basic if present, else in the body."""
        form = dict(parse_qsl(body.decode("latin-1")) if isinstance(body, bytes) else body)
        by_basic = [str(value).partition(" ")[2] for name, value in headers if name.lower() == "authorization"]
        for role, credential in self.identity.credentials.items():
            pair = credential.client_id, credential.client_secret.reveal()
            valid = [[basic_login(*each, "").strip()] for each in (pair, (quote_plus(pair[0]), quote_plus(pair[1])))]
            if by_basic in valid or (not by_basic and (form.get("client_id"), form.get("client_secret")) == pair):
                return role
        return None

    def request_token(self, role: str = "full", **changes: str | None) -> Exchange:
        """Send a token request with the credentials in the form, changed as in ``form``."""
        return self.post(self.form(role, **changes))

    def good_request(self, role: str = "full", *scopes: str) -> Exchange:
        """Send a token request as a precondition, for these scopes or all of the credential.

        It is repeated once after a gateway error: a token request is safe.
        """
        scope = " ".join(scopes or self.credential(role).scopes) or None
        reply = self.request_token(role, scope=scope)
        if reply.status in GATEWAY_ERRORS:
            self.http.recorder.pause(DEFAULT_WAIT_S, reply.id)
            reply = self.request_token(role, scope=scope)
        return reply

    def request_by_basic(self, role: str = "full", scheme: str = "Basic", **changes: str | None) -> Exchange:
        """Send a token request with the credentials in HTTP Basic, changed as in ``form``."""
        return self.request_under(self.basic(role, scheme), role, **changes)

    def request_under(
        self, authorization: tuple[str, str | bytes], role: str = "full", **changes: str | None
    ) -> Exchange:
        """Send a token request with this Authorization field; the body has only the credentials in ``changes``."""
        pairs = self.form(role, **{"client_id": None, "client_secret": None, **changes})
        return self.post(pairs, (FORM_TYPE, authorization))

    def require_basic(self) -> None:
        """Raise NotApplicable if the endpoint refuses Basic, which another check reports."""
        if not self.request_by_basic().ok:
            raise NotApplicable("the token endpoint refuses HTTP Basic; another check reports that")

    def basic(self, role: str = "full", scheme: str = "Basic") -> tuple[str, str]:
        """Return an Authorization field with a role's credentials in the encoding that the server accepts."""
        return "Authorization", basic_login(*self.basic_pair(role), scheme)

    def basic_pair(self, role: str = "full") -> tuple[str, str]:
        """Return a role's id and secret for Basic: form-encoded (RFC 6749 section 2.3.1).

        They are unencoded if the server accepts only that, which another check reports.
        """
        credential = self.credential(role)
        plain = credential.client_id, credential.client_secret.reveal()
        encoded = quote_plus(plain[0]), quote_plus(plain[1])
        if plain == encoded:
            return plain
        if self._decodes is None:
            form = self.form(role, client_id=None, client_secret=None)
            for decodes, pair in ((True, encoded), (False, plain)):
                # If neither is accepted, the credential does not work and shows nothing.
                if self.post(form, (FORM_TYPE, ("Authorization", basic_login(*pair)))).ok:
                    self._decodes = decodes
                    break
        return plain if self._decodes is False else encoded

    def token(self, role: str, *scopes: str) -> str:
        """Return a token of a role with these scopes, or all of its credential; cached until it must be renewed."""
        return self._current(role, scopes, lambda kept: time.monotonic() >= self._ends[kept])

    def _current(self, role: str, scopes: tuple[str, ...], is_spent: Callable[[str], bool]) -> str:
        """Return the cached token, or a new one if it is spent or invalidated.

        Concurrent callers share one request, because a second token may invalidate the first.
        """
        key = (role, scopes)
        with self._issuing:
            kept = self._tokens.get(key)
            if kept is None or is_spent(kept) or self.single_active.is_ended(role, kept):
                self._tokens[key] = self.fresh_token(role, *scopes)
            return self._tokens[key]

    def token_without(self, scope: str) -> str:
        """Return a valid token of the organization under test without a scope."""
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
        """Return tokens without a scope: one for each other scope of the role full, one for all, and one of narrow."""
        own = [each for each in self.credential("full").scopes if each != scope]
        requested = [(each,) for each in own] + ([tuple(own)] if len(own) > 1 else [])
        tokens = [token for each in requested if not self.states(token := self.token("full", *each), scope)]
        if self.lacks("narrow", scope):
            tokens.append(self.token("narrow"))
        return tokens or [self.token_without(scope)]

    def renewed(self, headers: HeaderFields) -> list[tuple[str, str | bytes]] | None:
        """Return the fields of a refused request with a new token, if another one may have invalidated the token there.

        Otherwise None, also if evidence of an earlier suite version has no such token.
        """
        recording, fields = self.http.recorder.recording, list(headers)
        if recording is not None and not recording.has("POST", self.identity.token_path):
            return None
        for place, (name, value) in enumerate(fields):
            token = value.removeprefix("Bearer ") if isinstance(value, str) else ""
            if (name, value) == bearer(token) and self.single_active.may_be_ended(token):
                role, scopes = self.single_active.issued[token]
                fields[place] = bearer(self._current(role, scopes, partial(eq, token)))
                return fields
        return None

    def fresh_token(self, role: str, *scopes: str) -> str:
        """Return a new token of a role; Inconclusive if none is issued."""
        return self.learned_token(self.good_request(role, *scopes), role, scopes)

    def learned_token(self, reply: Exchange, role: str, scopes: Iterable[str] = ()) -> str:
        """Return the token of a response, after teaching it to the redactor with the command that obtains it."""
        token = access_token(reply) if reply.ok else None
        if token is None:
            flaw = f"; {token_flaw(reply.member('access_token'))}" if reply.ok else ""
            raise Inconclusive(
                f"the credential {role} gets no usable token ({reply.status}{flaw})",
                f"a working credential in the role {role} with its scopes",
            )
        self.learn(token, role, scopes)
        stated = reply.member("scope")
        self._ends[token] = time.monotonic() + reuse_time_s(reply)
        self.single_active.issued[token] = role, tuple(scopes)
        self._stated[token] = frozenset(stated.split()) if isinstance(stated, str) else frozenset()
        return token

    def states(self, token: str, scope: str) -> bool:
        """Return whether the response stated a scope of a token: a server may grant more than requested."""
        return scope in self._stated.get(token, ())

    def learn(self, token: str, role: str, scopes: Iterable[str] = ()) -> None:
        """Teach a token to the redactor as ``$ROLE_TOKEN``, with the command that obtains it."""
        credential = self.credential(role)
        scope = " ".join(scopes or credential.scopes)
        name = re.sub(r"[^A-Z0-9]+", "_", "_".join([role, *scopes, "token"]).upper())
        data = f"-d grant_type=client_credentials --data-urlencode {shlex.quote(f'client_id={credential.client_id}')} "
        data += f"--data-urlencode client_secret@- --data-urlencode {shlex.quote(f'scope={scope}')}"
        # By standard input, so that the secret is in no process list.
        secret = f'printf %s "${credential.client_secret.name}"'
        extract = """sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p'"""
        recorder = self.http.recorder
        recorder.redactor.learn(name, token)
        if role == "foreign":
            recorder.passive_checks.exempt(token)
        request = f"{self.http.curl} {shlex.quote(self.http.base_url + self.identity.token_path)} {data}"
        recorder.recipe(name, f"{name}=$({secret} | {request} | {extract})")

    def digest(self, role: str) -> str:
        """Return the SHA-256 of a role's secret, which reports show as ``$NAME_SHA256``."""
        secret, recorder = self.credential(role).client_secret, self.http.recorder
        name, digest = f"{secret.name}_SHA256", hashlib.sha256(secret.reveal().encode()).hexdigest()
        recorder.redactor.learn_digest(name, digest)
        hashed = "{ sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1"
        recorder.recipe(name, f'{name}=$(printf %s "${secret.name}" | {hashed})')
        return digest

    def redact_token(self, reply: Exchange, role: str = "full") -> None:
        """Teach the redactor the token of a response, if it has one."""
        token = access_token(reply)
        if token is not None:
            self.learn(token, role)
