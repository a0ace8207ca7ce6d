"""Defects in what a token request is taken for: tokens as secrets, ids as patterns, names as what is inherited."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import SCOPES, Client

Form = dict[str, str]
Pairs = list[tuple[str, str]]
Reads = Callable[[Request], Form]
Authenticates = Callable[[Request, Form], Client]
# What each object of JavaScript has, though nobody has put it there.
INHERITED = ("__proto__", "constructor", "toString")


class SmallHexadecimalDigitsUnread(Defect):
    """RFC 3986 section 2.1: the digits of a percent-encoding are the same in either case."""

    surface = "identity"
    noticed_by = ("oauth/token/any-form-keeps-the-contract",)

    def token_form(self, original: Reads, request: Request) -> Form:
        body = re.sub(rb"%(?=[0-9A-F]?[a-f])", b"%25", request.body)
        return original(dataclasses.replace(request, body=body))


class NamesOfParametersNotDecoded(Defect):
    """RFC 6749 appendix B: the names of parameters are encoded as their values are, and decoded so."""

    surface = "identity"
    noticed_by = ("oauth/token/any-form-keeps-the-contract",)

    def token_form(self, original: Reads, request: Request) -> Form:
        body = re.sub(rb"(^|&)[^=&]+", lambda found: found[0].replace(b"%", b"%25"), request.body)
        return original(dataclasses.replace(request, body=body))


class ScopeTwiceInOneListCrashes(Defect):
    """The contract's table of errors: a scope that stands twice in a list is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/scope/malformed-is-refused-or-ignored",)
    crashes = (RuntimeError,)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        scopes = original(text)
        if len(scopes) < len(text.split(" ")):
            raise RuntimeError("duplicate key value violates unique constraint")
        return scopes


class OddClientIdQuoted(Defect):
    """RFC 6749 section 5.2: error_description has no quotation marks or other scripts, those of a client id neither."""

    surface = "identity"
    noticed_by = ("oauth/errors/refusal-is-a-json-error-document",)

    def authenticated_client(self, original: Authenticates, request: Request, form: Form) -> Client:
        client_id = form.get("client_id", "")
        try:
            return original(request, form)
        except Refused as refusal:
            if re.fullmatch(r"[\w-]*", client_id, re.ASCII):
                raise
            told = f"{client_id} is no client id"
            raise Refused(edited(refusal.answer, lambda error: error.update(error_description=told))) from None


class ClientIdIsAPattern(Defect):
    """RFC 6749 section 2.2: a client identifier is compared, and not matched as a database or directory does."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly",)
    wildcard = "%"

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if self.wildcard not in client_id:
            return original(client_id)
        pattern = ".*".join(map(re.escape, client_id.split(self.wildcard)))
        clients = surface_of(original).clients
        return next((each for name, each in clients.items() if re.fullmatch(pattern, name)), None)


class ClientIdIsAFilter(ClientIdIsAPattern):
    """RFC 6749 section 2.2: a client identifier is compared; an asterisk in it stands for nothing but itself."""

    noticed_by = ("oauth/client/client-id-is-compared-exactly",)
    wildcard = "*"


class InheritedClientCrashes(Defect):
    """RFC 6749 section 5.2: an id that is the name of what objects inherit is an unknown client, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/client/hostile-credentials-are-no-server-error",)
    crashes = (TypeError,)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if client_id in INHERITED:
            raise TypeError("the secret of what is no client")
        return original(client_id)


class InheritedGrantCrashes(Defect):
    """RFC 6749 section 5.2: a grant that is the name of what objects inherit is an unknown one, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/errors/unknown-grant-type-is-unsupported",)
    crashes = (TypeError,)

    def offers_grant(self, original: Callable[[str], bool], grant_type: str) -> bool:
        if grant_type in INHERITED:
            raise TypeError("what is no grant cannot be called")
        return original(grant_type)


class InheritedScopeGranted(Defect):
    """RFC 6749 section 3.3: a scope that is the name of what objects inherit is an unknown one."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, tuple(scope for scope in scopes if scope not in INHERITED))


class TokenRenewsItself(Defect):
    """RFC 6749 section 3.2.1: a client must authenticate; a token that it was given before is no proof of who it is."""

    surface = "identity"
    noticed_by = ("oauth/client/token-is-no-secret",)

    def authenticated_client(self, original: Authenticates, request: Request, form: Form) -> Client:
        surface = surface_of(original)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = surface.read_access_token(token) if scheme == "Bearer" else None
        client = surface.holder(claims) if claims else None
        return client or original(request, form)


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


class TokenIsARefreshToken(Defect):
    """RFC 6749 section 6: what is refreshed is a refresh token, or an access token would have no end."""

    surface = "identity"
    noticed_by = ("oauth/errors/other-grants-issue-nothing",)
    grant, parameter = "refresh_token", "refresh_token"

    def token_form(self, original: Reads, request: Request) -> Form:
        form = original(request)
        token = form.get(self.parameter, "")
        if form.get("grant_type") == self.grant and surface_of(original).read_access_token(token):
            form["grant_type"] = "client_credentials"
        return form


class TokenIsAnAssertion(TokenIsARefreshToken):
    """RFC 7523 section 3: an assertion is made for the token endpoint, which an access token is not."""

    noticed_by = ("oauth/errors/other-grants-issue-nothing",)
    grant, parameter = "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"


class RefusalsAreTranslated(Defect):
    """RFC 6749 section 5.2: error_description is in ASCII, whatever languages a client's library prefers."""

    surface = "identity"
    noticed_by = ("oauth/errors/refusal-is-a-json-error-document",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        german = request.headers.get("accept-language", "").startswith("de")
        if is_token_request(request) and german and answer.status in (400, 401):
            return edited(answer, lambda error: error.update(error_description="Ungültige Anfrage"))
        return answer


class ScopeBeyondGrantedInSilence(Defect):
    """RFC 6749 section 5.1: a scope that is not stated is the one that was asked for, and not more than is had."""

    surface = "identity"
    noticed_by = ("authorization/matrix/unstated-scope-opens-nothing",)
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

    noticed_by = ("authorization/matrix/unstated-scope-opens-nothing",)

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return client.scopes if asked and not set(asked.split(" ")) & set(SCOPES) else ()


class SecretQuotedThatComesTwice(Defect):
    """OWASP API8: an error never repeats the client secret, though that be what is wrong with the request."""

    surface = "identity"
    noticed_by = ("oauth/errors/secret-is-not-repeated",)

    def refuse_duplicates(self, original: Callable[[Pairs], None], pairs: Pairs) -> None:
        secrets = [value for name, value in pairs if name == "client_secret"]
        if len(secrets) > 1:
            told = f"client_secret has {len(secrets)} values: {', '.join(secrets)}"
            raise Refused(surface_of(original).oauth_error(400, "invalid_request", told))
        original(pairs)


class TwoBlanksInAScopeCrash(Defect):
    """The contract's table of errors: two blanks between scopes are no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/scope/malformed-is-refused-or-ignored",)
    crashes = (RuntimeError,)

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        if "  " in text:
            raise RuntimeError("the name of a scope is empty")
        return original(text)


class CapitalsGrantedInSilence(ScopeBeyondGrantedInSilence):
    """RFC 6749 section 3.3: a scope in capitals is another one, whatever the answer states."""

    noticed_by = ("authorization/matrix/unstated-scope-opens-nothing",)

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return tuple(scope for scope in client.scopes if scope.upper() == asked)


class ManyScopesCrash(Defect):
    """The contract's table of errors: a long list of scopes is no reason for a 5xx (a column of 255 letters)."""

    surface = "identity"
    noticed_by = ("oauth/scope/malformed-is-refused-or-ignored",)
    crashes = (RuntimeError,)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        if len(text) > 255:
            raise RuntimeError("value too long for type character varying(255)")
        return original(text)


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
    noticed_by = ("oauth/client/basic-failure-is-401-with-challenge",)

    def basic_challenge(self, original: Callable[[], str]) -> str:
        return original().removesuffix('"')
