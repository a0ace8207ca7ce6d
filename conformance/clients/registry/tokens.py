"""Tokens of the Docker token flow, and altered tokens."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.login import REFRESH_TOKEN, TOKEN, Account, extraction, short_hash, token_in, word
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from conformance.vocabulary.values import basic_login, may_have_any_case, part_of_jwt, with_one_changed

CLIENT = "conformance"
RENEWED_S = 30
"""For how long checks share a token, whose lifetime may be only twice as long."""
MOST_LEEWAY_S = 300
"""For how long an expired token may still be accepted: "no more than a few minutes" (RFC 7519 section 4.1.4)."""


def current_key(name: str) -> tuple[str, int]:
    """Return a cache key for a token that changes before the token expires."""
    return name, int(time.monotonic() // RENEWED_S)


def ask(bearer: Registry, role: str, *scopes: str, **parameters: str) -> Exchange:
    """Request a token with scopes for a role; return the response."""
    account: Account = bearer.account(role)
    reply = bearer.auth.request_token_as(account, scopes, **parameters)
    bearer.auth.learn(account, scopes, token_in(reply), parameters)
    return reply


def login_attempt(registry: Registry, username: str, password: str, scheme: str = "Basic") -> Exchange:
    """Return the response to a username and password."""
    auth, credentials = registry.auth, basic_login(username, password, scheme)
    auth.expect_login_required()
    if auth.scheme == "bearer":
        return auth.request_token([], credentials)
    return registry.presenting(credentials).support()


def valid_login(registry: Registry, scheme: str = "Basic") -> Exchange:
    """Return the response to the pusher's login, repeated once a lock after wrong passwords has ended."""
    account = registry.account("pusher")
    reply = login_attempt(registry, account.username, account.password, scheme)
    if registry.auth.unlocks(account, reply):
        return login_attempt(registry, account.username, account.password, scheme)
    return reply


def presented(repository: Repository, username: str, password: str, actions: str) -> tuple[Exchange | None, Repository]:
    """Return a repository with a username and password, or with the token for them, after the token response."""
    registry, authorization, issued = repository.registry, basic_login(username, password), None
    if registry.auth.scheme == "bearer":
        issued = registry.auth.request_token([registry.scope(repository.name, actions)], authorization)
        authorization = f"Bearer {token_in(issued)}"
    return issued, repository.presenting(authorization)


def token_for(bearer: Registry, role: str, *scopes: str, **parameters: str) -> str:
    """Return a token; Inconclusive if none is issued."""
    token = token_in(ask(bearer, role, *scopes, **parameters))
    if not token:
        raise Inconclusive(f"the token endpoint gave the {role} no token", f"a login that works, in role {role}")
    return token


def require_login(bearer: Registry, role: str, reply: Exchange) -> None:
    """Raise Inconclusive if a login is refused for every scope."""
    if reply.status in (401, 403) and not ask(bearer, role).ok:
        raise Inconclusive(
            f"the token endpoint refuses the login {role} for every scope", f"a login that works as {role}"
        )


def pull(stored: StoredImage, token: str) -> Exchange:
    """GET the image with a token."""
    return stored.repository.presenting(f"Bearer {token}").get_manifest(stored.tag)


def altered(token: str, kind: str) -> str:
    """Return an altered token."""
    if kind == "truncated":
        return token[:-12]
    if kind == "letter":
        return with_one_changed(token, max(0.0, 1 - 20 / len(token)))
    if kind == "more":
        return f"{token}AAAA"
    if kind == "swapped":
        if may_have_any_case(token):
            raise NotApplicable("the token may be valid in another letter case")
        return token.swapcase()
    header, claims = header_of(token), claims_of(token)
    parts = token.split(".")
    if kind == "no-signature":
        return f"{parts[0]}.{parts[1]}."
    if kind == "alg-none":
        return f"{_part({**header, 'alg': 'none'})}.{parts[1]}."
    everything = [{"type": "repository", "name": "*", "actions": ["*"]}]
    changes: dict[str, dict[str, Any]] = {
        "longer-life": {"exp": 4102444800},
        "other-subject": {"sub": "admin"},
        "more-rights": {"access": everything},
    }
    return f"{parts[0]}.{_part({**claims, **changes[kind]})}.{parts[2]}"


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    """Return the JOSE header of a JWT; NotApplicable for an opaque token."""
    return _object_in(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT; NotApplicable for an opaque token."""
    return _object_in(token, 1)


def audiences_of(token: str) -> list[object]:
    """Return the audiences of a token (RFC 7519 section 4.1.3); none for an opaque one."""
    audience = (part_of_jwt(token, 1) or {}).get("aud", [])
    return audience if isinstance(audience, list) else [audience]


def is_opaque(token: str) -> bool:
    """Return whether a token is no JWT, as it may be."""
    return part_of_jwt(token, 1) is None


def _object_in(token: str, index: int) -> dict[str, Any]:
    found = part_of_jwt(token, index)
    if found is None:
        raise NotApplicable("the token is opaque")
    return found


def has_ended(token: str, fresh: str) -> bool:
    """Return whether a token expired long ago and otherwise resembles a ``fresh`` one; True for an opaque token."""
    if token.count(".") != 2:
        return True
    old, new = claims_of(token), claims_of(fresh)
    same_issuer = (old.get("iss"), old.get("aud")) == (new.get("iss"), new.get("aud"))
    same_header, expiry = token.split(".")[0] == fresh.split(".")[0], old.get("exp")
    return same_issuer and same_header and isinstance(expiry, int | float) and expiry < time.time() - MOST_LEEWAY_S


def actions_in(token: str) -> set[str]:
    """Return every action that a JWT grants on any resource."""
    entries = claims_of(token).get("access")
    lists = [each.get("actions") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    return {str(action) for actions in lists if isinstance(actions, list) for action in actions}


def refresh_token_of(bearer: Registry, role: str) -> str:
    """Request a refresh token; NotApplicable if none is offered."""
    parameters = {"offline_token": "true"}
    reply = ask(bearer, role, **parameters)
    found = reply.member("refresh_token") if reply.ok else None
    if not isinstance(found, str):
        raise NotApplicable("the token endpoint offers no refresh token")
    account: Account = bearer.account(role)
    bearer.auth.name_token(f"REGISTRY_{role.upper()}_REFRESH_TOKEN", found, account, (), parameters, REFRESH_TOKEN)
    return found


def refreshed(bearer: Registry, refresh_token: str, service: str, *scopes: str, offline: bool = False) -> Exchange:
    """Send a refresh token (Docker Registry v2 OAuth2 token flow); ``offline`` requests another one."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "service": service}
    form |= {"scope": " ".join(scopes)} if scopes else {}
    form |= {"access_type": "offline"} if offline else {}
    return requested_by_form(bearer, form, "REGISTRY_REFRESHED_TOKEN")


def granted_by_password(
    bearer: Registry, username: str, password: str, *scopes: str, client_id: str = CLIENT, service: str = ""
) -> Exchange:
    """Send a username and password in a form (Docker Registry v2 OAuth2 token flow)."""
    form = {"grant_type": "password", "username": username, "password": password}
    form |= {"service": service or bearer.auth.service, "client_id": client_id}
    form |= {"scope": " ".join(scopes)} if scopes else {}
    return requested_by_form(bearer, form, "REGISTRY_GRANTED_TOKEN")


def requested_by_form(bearer: Registry, form: dict[str, str], name: str) -> Exchange:
    """Send a form to the token endpoint; name the issued token, with the command that obtains it."""
    bearer.auth.require_encrypted_realm()
    form = {"client_id": CLIENT, **form}
    fields = [("Content-Type", "application/x-www-form-urlencoded")]
    reply = bearer.auth.http.send("POST", bearer.auth.realm, fields, urlencode(form).encode())
    recorder = bearer.http.recorder
    redacted = {each: recorder.redactor.text(value) for each, value in form.items()}
    name = f"{name}_{short_hash(*redacted.values())}"
    recorder.redactor.learn(name, token_in(reply))
    secret = next((each for each, value in redacted.items() if value != form[each]), None)
    if secret is not None:
        public = (f"--data-urlencode {word(f'{each}={value}')}" for each, value in redacted.items() if each != secret)
        # By standard input, so that the secret is in no process list.
        request = f"{bearer.auth.http.curl} {word(bearer.auth.realm)} {' '.join(public)} --data-urlencode {secret}@-"
        recorder.recipe(name, f'{name}=$(printf %s "{redacted[secret]}" | {request} | {extraction(TOKEN)})')
    return reply
