"""Tokens of the Docker token flow, and tokens that are not quite ones."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

from conformance.clients.registry.client import Registry, Repository, StoredImage
from conformance.clients.registry.login import REFRESH_TOKEN, TOKEN, Account, picked, tag_of, token_in, word
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable
from conformance.vocabulary.values import basic_login, may_have_any_case, part_of_jwt, with_one_changed

CLIENT = "conformance"
RENEWED_S = 30
"""For how long a token is shown by several checks: it may live for no more than twice as long."""
MOST_LEEWAY_S = 300
"""For how long a token that has ended may still be taken: "no more than a few minutes" (RFC 7519 section 4.1.4)."""


def of_now(name: str) -> tuple[str, int]:
    """What a token is kept under, and found by no check that comes when it may have ended."""
    return name, int(time.monotonic() // RENEWED_S)


def ask(bearer: Registry, role: str, *scopes: str, **parameters: str) -> Exchange:
    """The token endpoint's answer to a role that asks for scopes."""
    account: Account = bearer.account(role)
    reply = bearer.door.request_token_as(account, scopes, **parameters)
    bearer.door.learn(account, scopes, token_in(reply), parameters)
    return reply


def login_attempt(registry: Registry, username: str, password: str, scheme: str = "Basic") -> Exchange:
    """What is answered to a username and password, where they are to be shown."""
    door, credentials = registry.door, basic_login(username, password, scheme)
    door.expect_locked()
    return (
        door.request_token([], credentials) if door.scheme == "bearer" else registry.presenting(credentials).support()
    )


def right_login(registry: Registry, scheme: str = "Basic") -> Exchange:
    """What is answered to the pusher; where that is locked after wrong passwords, when it is let in again."""
    account = registry.account("pusher")
    reply = login_attempt(registry, account.username, account.password, scheme)
    if registry.door.lets_in(account, reply):
        return login_attempt(registry, account.username, account.password, scheme)
    return reply


def presented(repository: Repository, username: str, password: str, actions: str) -> tuple[Exchange | None, Repository]:
    """A repository to who shows a username and password, or what is given for them, which is told first."""
    registry, shown, asked = repository.registry, basic_login(username, password), None
    if registry.door.scheme == "bearer":
        asked = registry.door.request_token([registry.scope(repository.name, actions)], shown)
        shown = f"Bearer {token_in(asked)}"
    return asked, repository.presenting(shown)


def token_for(bearer: Registry, role: str, *scopes: str, **parameters: str) -> str:
    """A token; Inconclusive where none is given."""
    token = token_in(ask(bearer, role, *scopes, **parameters))
    if not token:
        raise Inconclusive(f"the token endpoint gave the {role} no token", f"a login that works, in role {role}")
    return token


def require_login(bearer: Registry, role: str, reply: Exchange) -> None:
    """Inconclusive where a refusal is of the login, which is refused also where it asks for nothing in particular."""
    if reply.status in (401, 403) and not ask(bearer, role).ok:
        raise Inconclusive(
            f"the token endpoint refuses the login {role} for every scope", f"a login that works as {role}"
        )


def pull(stored: StoredImage, token: str) -> Exchange:
    """GET of the image with a token."""
    return stored.repository.presenting(f"Bearer {token}").get_manifest(stored.tag)


def altered(token: str, how: str) -> str:
    """A token that is not quite one."""
    if how == "truncated":
        return token[:-12]
    if how == "letter":
        return with_one_changed(token, max(0.0, 1 - 20 / len(token)))
    if how == "more":
        return f"{token}AAAA"
    if how == "swapped":
        if may_have_any_case(token):
            raise NotApplicable("the token may be valid in another letter case")
        return token.swapcase()
    header, claims = header_of(token), claims_of(token)
    parts = token.split(".")
    if how == "no-signature":
        return f"{parts[0]}.{parts[1]}."
    if how == "alg-none":
        return f"{_part({**header, 'alg': 'none'})}.{parts[1]}."
    everything = [{"type": "repository", "name": "*", "actions": ["*"]}]
    changes: dict[str, dict[str, Any]] = {
        "longer-life": {"exp": 4102444800},
        "other-subject": {"sub": "admin"},
        "more-rights": {"access": everything},
    }
    return f"{parts[0]}.{_part({**claims, **changes[how]})}.{parts[2]}"


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).rstrip(b"=").decode()


def header_of(token: str) -> dict[str, Any]:
    """The JOSE header of a token that is a JWT; not asked where it is opaque."""
    return _object_in(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token that is a JWT; not asked where it is opaque."""
    return _object_in(token, 1)


def audiences_of(token: str) -> list[object]:
    """For whom a token says that it is (RFC 7519 section 4.1.3); an opaque one says nothing."""
    named = (part_of_jwt(token, 1) or {}).get("aud", [])
    return named if isinstance(named, list) else [named]


def is_opaque(token: str) -> bool:
    """Whether a token is none that can be read, which it need not be."""
    return part_of_jwt(token, 1) is None


def _object_in(token: str, place: int) -> dict[str, Any]:
    found = part_of_jwt(token, place)
    if found is None:
        raise NotApplicable("the token is opaque")
    return found


def has_ended(token: str, fresh: str) -> bool:
    """Whether a token was good once and ended long enough ago, a new one beside it; an opaque one tells nothing."""
    if token.count(".") != 2:
        return True
    was, now = claims_of(token), claims_of(fresh)
    alike = (was.get("iss"), was.get("aud")) == (now.get("iss"), now.get("aud"))
    by_one_key = token.split(".")[0] == fresh.split(".")[0]
    return alike and by_one_key and isinstance(was.get("exp"), int | float) and was["exp"] < time.time() - MOST_LEEWAY_S


def actions_in(token: str) -> set[str]:
    """Every action that a JWT grants on whatever it names."""
    entries = claims_of(token).get("access")
    lists = [each.get("actions") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    return {str(action) for actions in lists if isinstance(actions, list) for action in actions}


def refresh_token_of(bearer: Registry, role: str) -> str:
    """A refresh token, asked for; not asked where none is offered."""
    asked = {"offline_token": "true"}
    reply = ask(bearer, role, **asked)
    found = reply.member("refresh_token") if reply.ok else None
    if not isinstance(found, str):
        raise NotApplicable("the token endpoint offers no refresh token")
    account: Account = bearer.account(role)
    bearer.door.call(f"REGISTRY_{role.upper()}_REFRESH_TOKEN", found, account, (), asked, REFRESH_TOKEN)
    return found


def refreshed(bearer: Registry, refresh_token: str, service: str, *scopes: str, offline: bool = False) -> Exchange:
    """The answer to a refresh token (Docker Registry v2 OAuth2 token flow); ``offline`` asks for a further one."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "service": service}
    form |= {"scope": " ".join(scopes)} if scopes else {}
    form |= {"access_type": "offline"} if offline else {}
    return requested_by_form(bearer, form, "REGISTRY_REFRESHED_TOKEN")


def granted_by_password(
    bearer: Registry, username: str, password: str, *scopes: str, client_id: str = CLIENT, service: str = ""
) -> Exchange:
    """The answer to a username and password in a form (Docker Registry v2 OAuth2 token flow)."""
    form = {"grant_type": "password", "username": username, "password": password}
    form |= {"service": service or bearer.door.service, "client_id": client_id}
    form |= {"scope": " ".join(scopes)} if scopes else {}
    return requested_by_form(bearer, form, "REGISTRY_GRANTED_TOKEN")


def requested_by_form(bearer: Registry, form: dict[str, str], name: str) -> Exchange:
    """The answer to a form, the token of which evidence calls by this name and tells how it is had again."""
    bearer.door.keep_from_clear()
    form = {"client_id": CLIENT, **form}
    fields = [("Content-Type", "application/x-www-form-urlencoded")]
    reply = bearer.door.http.send("POST", bearer.door.realm, fields, urlencode(form).encode())
    recorder = bearer.http.recorder
    shown = {each: recorder.redactor.text(value) for each, value in form.items()}
    name = f"{name}_{tag_of(*shown.values())}"
    recorder.redactor.learn(name, token_in(reply))
    secret = next((each for each, value in shown.items() if value != form[each]), None)
    if secret is not None:
        parameters = " ".join(
            f"--data-urlencode {word(f'{each}={value}')}" for each, value in shown.items() if each != secret
        )
        # By standard input, so that the secret is in no list of processes.
        asked = f"{bearer.door.http.asking} {word(bearer.door.realm)} {parameters} --data-urlencode {secret}@-"
        recorder.recipe(name, f'{name}=$(printf %s "{shown[secret]}" | {asked} | {picked(TOKEN)})')
    return reply
