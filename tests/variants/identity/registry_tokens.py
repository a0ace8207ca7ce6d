"""Variants of registry tokens."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import variant
from conformance.reference.registry.access import SERVICE
from conformance.reference.seeds import Account
from conformance.reference.support.identity import surface_of

Claims = dict[str, Any]

MOMENT_S = 0.8


@variant()
def anonymous_registry_login_refused(basic_account: Any, request: Request) -> Account | None:
    """Docker token authentication: where nothing is public, a request without credentials is 401."""
    account = basic_account(request)
    if account is None:
        raise Refused(surface_of(basic_account).login_refused())
    return account


class RegistryFormNotOffered(Variant):
    """Docker token authentication: the OAuth form is optional; without it there are no refresh tokens."""

    def token_by_get(self, original: Any, request: Request) -> Answer:
        pairs = [each for each in parse_qsl(request.query_string, keep_blank_values=True) if each[0] != "offline_token"]
        return original(replace(request, query_string=urlencode(pairs)))

    def token_by_post(self, original: Any, request: Request) -> Answer:
        return surface_of(original).not_found()


@variant()
def scope_of_a_query_not_split(token_by_get: Any, request: Request) -> Answer:
    """Docker token authentication: each scope parameter of a query is one scope; only forms contain several."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    kept = urlencode([each for each in pairs if each[0] != "scope" or " " not in each[1]])
    return token_by_get(replace(request, query_string=kept))


class OneRegistryTokenName(Variant):
    """Docker token authentication: the response has only token where no form was used."""

    def registry_token_document(self, original: Any, account: Any, service: str, requested: Any) -> dict[str, Any]:
        document = original(account, service, requested)
        del document["access_token"]
        return document

    def posted_answer(self, original: Any, *given: Any) -> dict[str, Any]:
        document = original(*given)
        return document | {"access_token": document["token"]}


class RegistryTokenWithAnEmptyUsername(Variant):
    """Docker token authentication: the unused one of token and access_token may be empty."""

    def registry_token_document(self, original: Any, account: Any, service: str, requested: Any) -> dict[str, Any]:
        document: dict[str, Any] = original(account, service, requested)
        return document | {"access_token": "", "refresh_token": ""}

    def posted_answer(self, original: Any, account: Account, form: Any, requested: list[Any]) -> dict[str, Any]:
        document: dict[str, Any] = original(account, form, requested)
        return document | {"access_token": document["token"], "token": ""}


@variant()
def registry_times_in_small_letters(
    registry_token_document: Any, account: Account | None, service: str, requested: list[Any]
) -> dict[str, Any]:
    """RFC 3339 section 5.6: T and Z may be lower case; a second may have any number of digits."""
    document: dict[str, Any] = registry_token_document(account, service, requested)
    return document | {"issued_at": document["issued_at"].lower().replace("z", ".123456789z")}


class RegistryTokensOfAMinute(Variant):
    """Docker token authentication: a token lives for 60 seconds, also where expires_in is missing."""

    def registry_claims(self, original: Any, account: Account | None, service: str, access: Any) -> dict[str, Any]:
        claims: dict[str, Any] = original(account, service, access)
        return claims | {"exp": claims["iat"] + 60}

    def registry_token_document(self, original: Any, account: Any, service: str, requested: Any) -> dict[str, Any]:
        document: dict[str, Any] = original(account, service, requested)
        return {name: value for name, value in document.items() if name not in ("expires_in", "issued_at")}


@variant()
def registry_tokens_for_one_service(registry_claims: Any, account: Any, service: str, access: Any) -> dict[str, Any]:
    """Docker token authentication: the endpoint may issue tokens for one service only, whatever is requested."""
    return registry_claims(account, SERVICE, access)


@variant(alone=True, state=dict)
def registry_logins_locked_for_a_moment(
    until: dict[str, float], account_of: Any, username: str, password: str
) -> Account | None:
    """RFC 6749 section 2.3.1: a wrong password locks a registry login for a moment."""
    account: Account | None = account_of(username, password)
    if account is None:
        until[username] = time.monotonic() + MOMENT_S
    return account if until.get(username, 0.0) <= time.monotonic() else None


@variant()
def registry_passwords_name_their_owner(account_of: Any, username: str, password: str) -> Account | None:
    """API Reference, Error Handling: the password alone identifies the login; any user name is accepted."""
    surface, found = surface_of(account_of), None
    for account in surface.accounts.values() if username else ():
        if surface.password_matches(account.password, password):
            found = account
    return found if surface.in_force(found) else None


class RegistryTokenOnly(Variant):
    """Docker token authentication: expires_in and issued_at are optional."""

    def registry_token_document(self, original: Any, *given: Any) -> Claims:
        return {"token": original(*given)["token"]}

    def posted_answer(self, original: Any, *given: Any) -> Claims:
        document = original(*given)
        return document | {"access_token": document["token"]}


@variant()
def registry_access_token_only(registry_token_document: Any, *given: Any) -> Claims:
    """Docker token authentication: the token may be named access_token only."""
    return {"access_token": registry_token_document(*given)["access_token"]}
