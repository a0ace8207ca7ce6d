"""The registry's token endpoint: Docker token authentication, by GET with Basic and by POST with a form."""

from __future__ import annotations

import datetime
import re
import secrets
from dataclasses import dataclass
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import IdentityState, Refused
from conformance.reference.identity.wire import (
    HIGHEST_BODY,
    basic_pair,
    equal_secrets,
    form_pairs,
    media_type,
    scheme_and_rest,
)
from conformance.reference.seeds import Account

REGISTRY_ISSUER = "nextepoch-reference"
LIFETIME_S = 300
ENDED_S = 3600
"""How long ago the expired token in the target file ended."""
COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
# Rights depend on the organization; the registry validates the rest of the name, but dots must not lead elsewhere.
REPOSITORY = re.compile(rf"orgs/({COMPONENT})(?:/(?!\.\.?(?:/|$))[^/]+)+")
Access = list[dict[str, Any]]


@dataclass(frozen=True)
class RequestedScope:
    """A requested resource scope: ``repository:orgs/acme/app:pull,push``."""

    kind: str
    name: str
    actions: tuple[str, ...]


class RegistryTokens(IdentityState):
    """The endpoint ``/registry/token``."""

    async def registry_token(self, request: Request) -> Answer:
        if request.method in ("GET", "HEAD"):
            return self.token_by_get(request)
        if request.method == "POST":
            return self.token_by_post(request)
        return self.oauth_method_refused("GET, HEAD, POST")

    def token_by_get(self, request: Request) -> Answer:
        """Handle Docker token authentication: Basic credentials or none, parameters in the query."""
        pairs = self.parameters(request.query_string.encode("latin-1"))
        account = self.basic_account(request)
        service = self.service(pairs)
        document = self.registry_token_document(account, service, self.requested_scopes(pairs))
        if account and ("offline_token", "true") in pairs:
            document["refresh_token"] = self.new_refresh_token(account, service)
        return self.not_stored(Answer.json(200, document))

    def parameters(self, raw: bytes) -> list[tuple[str, str]]:
        """Return the decoded parameters; Refused with 400."""
        try:
            return form_pairs(raw)
        except ValueError:
            raise Refused(self.oauth_error(400, "invalid_request", "the parameters cannot be decoded")) from None

    def service(self, pairs: list[tuple[str, str]]) -> str:
        """Return the one service that the token is for; Refused with 400."""
        named = [value for name, value in pairs if name == "service"]
        if len(named) != 1 or not 0 < len(named[0]) <= 255:
            raise Refused(self.oauth_error(400, "invalid_request", "service is missing, empty or repeated"))
        return named[0]

    def basic_account(self, request: Request) -> Account | None:
        """Return the account of a login, None for anonymous; Refused with 401 if the login fails."""
        authorization = request.headers.getlist("authorization")
        if not authorization:
            return None
        scheme, rest = scheme_and_rest(authorization[0])
        try:
            username, password = (part.decode() for part in basic_pair(rest))
        except ValueError:
            username, password = "", ""
        account = self.account_of(username, password)
        if len(authorization) > 1 or scheme != "basic" or account is None:
            raise Refused(self.login_refused())
        return account

    def account_of(self, username: str, password: str) -> Account | None:
        """Return the account with this name and password, in constant time whichever is wrong."""
        account = self.accounts.get(username)
        expected = account.password if account else self.decoy
        return account if self.password_matches(expected, password) and self.in_force(account) else None

    def in_force(self, account: Account | None) -> bool:
        return account is not None and account.in_force

    def password_matches(self, expected: str, presented: str) -> bool:
        """Return whether two passwords are equal, in constant time."""
        return equal_secrets(expected, presented)

    def login_refused(self) -> Answer:
        """Return 401 for a failed login, whatever the reason."""
        answer = self.oauth_error(401, "invalid_client", "login failed")
        answer.headers["WWW-Authenticate"] = 'Basic realm="reference", charset="UTF-8"'
        return answer

    def requested_scopes(self, pairs: list[tuple[str, str]]) -> list[RequestedScope]:
        """Return every requested scope of repeated or blank-separated parameters, without malformed ones."""
        texts = [text for name, value in pairs if name == "scope" for text in value.split(" ") if text]
        return [scope for scope in map(self.parse_scope, texts) if scope]

    def parse_scope(self, text: str) -> RequestedScope | None:
        """Parse ``type:name:actions``; the name may contain a colon."""
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        return RequestedScope(kind, name, tuple(action for action in actions.split(",") if action)) if name else None

    def granted_access(self, account: Account | None, requested: list[RequestedScope]) -> Access:
        """Return the requested access that is permitted, one entry a repository; granting less is not an error."""
        granted: dict[tuple[str, str], dict[str, None]] = {}
        for scope in requested:
            permitted = self.permitted_actions(account, scope)
            requested_actions = sorted(permitted) if "*" in scope.actions else scope.actions
            actions = [action for action in requested_actions if action in permitted]
            if actions:
                granted.setdefault((scope.kind, scope.name), {}).update(dict.fromkeys(actions))
        return [{"type": kind, "name": name, "actions": list(actions)} for (kind, name), actions in granted.items()]

    def permitted_actions(self, account: Account | None, scope: RequestedScope) -> frozenset[str]:
        """Return what an account may do: its rights are for all repositories of an organization.

        Every account may list the catalogue, in which the registry shows only what it may pull.
        """
        if account is None:
            return frozenset()
        if (scope.kind, scope.name) == ("registry", "catalog"):
            return frozenset({"*"})
        repository = REPOSITORY.fullmatch(scope.name) if scope.kind == "repository" else None
        return account.rights.get(repository[1], frozenset()) if repository else frozenset()

    def registry_claims(self, account: Account | None, service: str, access: Access) -> dict[str, Any]:
        """Return the claims of Docker's token specification."""
        issued = int(self.now())
        return {
            "iss": REGISTRY_ISSUER,
            "sub": account.username if account else "",
            "aud": service,
            "access": access,
            "iat": issued,
            "nbf": issued,
            "exp": issued + LIFETIME_S,
            "jti": secrets.token_urlsafe(24),
        }

    def signed_token(self, claims: dict[str, Any]) -> str:
        return self.key.sign(claims, typ="JWT", x5c=self.key.x5c)

    def expired_token(self, username: str, service: str, repository: str) -> str:
        """Return a token with all rights of an account in a repository, which expired an hour ago."""
        requested = [RequestedScope("repository", repository, ("pull", "push", "delete"))]
        access = self.granted_access(self.accounts[username], requested)
        claims = self.registry_claims(self.accounts[username], service, access)
        past = {name: claims[name] - LIFETIME_S - ENDED_S for name in ("iat", "nbf", "exp")}
        return self.signed_token(claims | past)

    def registry_token_document(
        self, account: Account | None, service: str, requested: list[RequestedScope]
    ) -> dict[str, Any]:
        """Return the response document: ``token`` and ``access_token`` are equal, ``issued_at`` is RFC 3339."""
        claims = self.registry_claims(account, service, self.granted_access(account, requested))
        token = self.signed_token(claims)
        issued = datetime.datetime.fromtimestamp(claims["iat"], datetime.UTC)
        return {
            "token": token,
            "access_token": token,
            "expires_in": LIFETIME_S,
            "issued_at": issued.isoformat().replace("+00:00", "Z"),
        }

    def token_by_post(self, request: Request) -> Answer:
        """Handle Docker's OAuth 2.0 form: grants ``password`` and ``refresh_token``."""
        pairs = self.posted_parameters(request)
        form = {name: value for name, value in pairs if value}
        missing = [name for name in ("grant_type", "service", "client_id") if name not in form]
        if missing:
            return self.oauth_error(400, "invalid_request", f"{missing[0]} is missing")
        if form["grant_type"] not in ("password", "refresh_token"):
            return self.oauth_error(400, "unsupported_grant_type", "only password and refresh_token are supported")
        account = self.granting_account(form)
        if account is None:
            return self.oauth_error(400, "invalid_grant", "login failed")
        return self.not_stored(Answer.json(200, self.posted_answer(account, form, self.requested_scopes(pairs))))

    def posted_parameters(self, request: Request) -> list[tuple[str, str]]:
        """Return the form, in which only ``scope`` may be repeated; Refused with 400 or 413."""
        if len(request.body) > HIGHEST_BODY:
            raise Refused(self.oauth_error(413, "invalid_request", "the body is too large"))
        if media_type(request) != "application/x-www-form-urlencoded":
            raise Refused(self.oauth_error(400, "invalid_request", "the content type is not a form"))
        pairs = self.parameters(request.body)
        names = [name for name, _ in pairs if name != "scope"]
        if len(names) != len(set(names)):
            raise Refused(self.oauth_error(400, "invalid_request", "a parameter is included more than once"))
        return pairs

    def granting_account(self, form: dict[str, str]) -> Account | None:
        """Return the account of a password, or of a refresh token for this service."""
        if form["grant_type"] == "password":
            return self.account_of(form.get("username", ""), form.get("password", ""))
        grant = self.refresh_tokens.get(form.get("refresh_token", ""))
        account = self.accounts.get(grant[0]) if grant and grant[1] == form["service"] else None
        return account if self.in_force(account) else None

    def posted_answer(self, account: Account, form: dict[str, str], requested: list[RequestedScope]) -> dict[str, Any]:
        """Return the response document to a form, which also states the granted scope."""
        access = self.granted_access(account, requested)
        scope = " ".join(f"{each['type']}:{each['name']}:{','.join(each['actions'])}" for each in access)
        document = self.registry_token_document(account, form["service"], requested)
        document |= {"token_type": "Bearer", "scope": scope}
        if form["grant_type"] == "refresh_token":
            document["refresh_token"] = form["refresh_token"]
        elif form.get("access_type") == "offline":
            document["refresh_token"] = self.new_refresh_token(account, form["service"])
        return document

    def new_refresh_token(self, account: Account, service: str) -> str:
        """Return a refresh token of 256 bits for this account at this service."""
        token = secrets.token_urlsafe(32)
        self.refresh_tokens[token] = (account.username, service)
        return token
