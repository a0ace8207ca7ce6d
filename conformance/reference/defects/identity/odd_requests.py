"""Defects in what a token request is taken for: tokens as secrets, ids as patterns, names as what is inherited."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Request
from conformance.reference.seeds import SCOPES, Client

Form = dict[str, str]
# What each object of JavaScript has, though nobody has put it there.
INHERITED = ("__proto__", "constructor", "toString")


class ScopeTwiceInOneListCrashes(Defect):
    """The contract's table of errors: a scope that stands twice in a list is no reason for a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/malformed-is-refused-or-ignored#many",
        "oauth/scope/malformed-is-refused-or-ignored#twice",
    )
    crashes = (RuntimeError,)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        scopes = original(text)
        if len(scopes) < len(text.split(" ")):
            raise RuntimeError("duplicate key value violates unique constraint")
        return scopes


class ClientIdIsAPattern(Defect):
    """RFC 6749 section 2.2: a client identifier is compared, and not matched as a database or directory does."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#percent-sign",)
    wildcard = "%"

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if self.wildcard not in client_id:
            return original(client_id)
        pattern = ".*".join(map(re.escape, client_id.split(self.wildcard)))
        clients = surface_of(original).clients
        return next((each for name, each in clients.items() if re.fullmatch(pattern, name)), None)


class ClientIdIsAFilter(ClientIdIsAPattern):
    """RFC 6749 section 2.2: a client identifier is compared; an asterisk in it stands for nothing but itself."""

    noticed_by = ("oauth/client/client-id-is-compared-exactly#asterisk",)
    wildcard = "*"


class InheritedClientCrashes(Defect):
    """RFC 6749 section 5.2: an id that is the name of what objects inherit is an unknown client, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/client/hostile-credentials-are-no-server-error#inherited-client-id",)
    crashes = (TypeError,)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if client_id in INHERITED:
            raise TypeError("the secret of what is no client")
        return original(client_id)


class InheritedScopeGranted(Defect):
    """RFC 6749 section 3.3: a scope that is the name of what objects inherit is an unknown one."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen#inherited",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, tuple(scope for scope in scopes if scope not in INHERITED))


class TokenIsAPasswordOfBasic(Defect):
    """RFC 6749 section 2.3: an access token is no client secret, within Basic neither."""

    surface = "identity"
    noticed_by = ("oauth/client/token-is-no-secret",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        surface = surface_of(original)
        client_id, password = original(authorization, form)
        claims = surface.read_access_token(password) or {}
        return client_id, surface.clients[client_id].secret if claims.get("client_id") == client_id else password


class ScopeBeyondGrantedInSilence(Defect):
    """RFC 6749 section 5.1: a scope that is not stated is the one that was asked for, and not more than is had."""

    surface = "identity"
    noticed_by = ("authorization/matrix/unstated-scope-opens-nothing#beyond",)
    silent = False

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> tuple[str, ...]:
        granted = self._in_silence(client, asked or "")
        self.silent = bool(granted)
        return granted or original(client, asked)

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return {name: value for name, value in document.items() if name != "scope" or not self.silent}

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return (asked,) if asked in SCOPES and asked not in client.scopes else ()


class UnknownScopeIsEveryScope(ScopeBeyondGrantedInSilence):
    """RFC 6749 section 3.3: a scope that is ignored does not stand for all others, without a word of that."""

    noticed_by = (
        "authorization/matrix/unstated-scope-opens-nothing#capitals",
        "authorization/matrix/unstated-scope-opens-nothing#comma",
        "authorization/matrix/unstated-scope-opens-nothing#star",
        "authorization/matrix/unstated-scope-opens-nothing#unknown",
    )

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return client.scopes if asked and not set(asked.split(" ")) & set(SCOPES) else ()


class ScopeStatedWithTwoBlanks(Defect):
    """RFC 6749 section 3.3: scopes are delimited by a blank each."""

    surface = "identity"
    noticed_by = ("oauth/answer/scope-is-well-formed",)

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return {**document, "scope": document["scope"].replace(" ", "  ")}


class BearerBesideFormCrashes(Defect):
    """The contract's table of errors: a field of another scheme beside good credentials is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/client/hostile-credentials-are-no-server-error",)
    crashes = (RuntimeError,)

    def presented_credentials(
        self, original: Callable[[Request, Form], tuple[str, str]], request: Request, form: Form
    ) -> tuple[str, str]:
        if request.headers.get("authorization", "").startswith("Bearer") and "client_id" in form:
            raise RuntimeError("two callers")
        return original(request, form)


class BasicChallengeWithoutRealm(Defect):
    """RFC 7617 section 2: a challenge of scheme Basic names its realm."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-challenge-names-its-realm",)

    def basic_challenge(self, original: Callable[[], str]) -> str:
        return "Basic"


class BasicChallengeLeavesTextOpen(Defect):
    """RFC 9110 section 11.6.1: a text in a challenge ends with the quotation mark that it begins with."""

    surface = "identity"
    noticed_by = (
        "oauth/client/basic-failure-is-401-with-challenge#unknown-client",
        "oauth/client/basic-failure-is-401-with-challenge#wrong-secret",
    )

    def basic_challenge(self, original: Callable[[], str]) -> str:
        return original().removesuffix('"')
