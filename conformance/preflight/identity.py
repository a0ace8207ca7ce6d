"""Preflight of the identity surface: a token per role, its form, the declared resources."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from conformance.clients.oauth.client import basic
from conformance.preflight.contact import Contact, Failed, is_html, measure, not_the_surface
from conformance.preflight.state import NOT_OBSERVED, OBSERVED, SurfaceState, mending
from conformance.target.description import Credential, Identity, Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import part_of_jwt, token_flaw

FORM = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"))
REFUSED_ROLES = {"revoked", "expired"}
MAIN_ROLE = "full"
MOST_SCOPES = 20


def probe(contact: Contact, state: SurfaceState) -> None:
    """Fill in the state of the identity surface."""
    identity = contact.target.identity
    if identity is None:
        return
    path = identity.token_path
    request = partial(contact.ask, "POST", path, FORM, b"grant_type=client_credentials")
    anonymous = contact.first(state, request, path)
    cause = not_the_surface(anonymous, "JSON")
    if cause:
        state.unreachable(cause)
        return
    state.ok(f"answers at {identity.url}")
    measure(state, contact, "GET", path)
    tokens = {role: _token(contact, state, identity, role, anonymous) for role in identity.credentials}
    if not identity.credentials:
        state.warn("no credentials are described: nothing that needs a token is checked")
    usable = {role: token for role, token in tokens.items() if token and role not in REFUSED_ROLES}
    if usable:
        jwts = all(looks_like_jwt(token) for token in usable.values())
        state.feature("identity.jwt", OBSERVED if jwts else NOT_OBSERVED, contact.target.features)
    _resources(contact, state, identity, usable.get("full"))
    if token := usable.get("foreign"):
        _without_organization(contact, state, identity, token)
    _write_permission(state, identity)


def _without_organization(contact: Contact, state: SurfaceState, identity: Identity, token: str) -> None:
    """Warn of each resource that foreign reads at a path without an organization, if it has no foreign path."""
    for resource in identity.resources:
        named = contact.target.organization in resource.path.split("/") or "foreign" in resource.concealed_from
        if named or resource.foreign or resource.scope is None or resource.method != "GET":
            continue
        try:
            reply = contact.ask("GET", resource.path, [("Authorization", f"Bearer {token}")])
        except Failed:
            continue
        if reply.ok:
            state.warn(
                f"{resource.name}: the role foreign reads {resource.path} as well; if each organization reads its own "
                f'there, the resource needs foreign = {{ path = "{resource.path}" }}'
            )


def _token(contact: Contact, state: SurfaceState, identity: Identity, role: str, anonymous: Exchange) -> str:
    """Request a token, note the result for the role, and return the token or "".

    ``anonymous`` is the response to a request without a credential.
    """
    credential = identity.credentials[role]  # type: ignore[index]
    try:
        reply = _token_response(contact, identity, credential, in_body=True)
        if role == MAIN_ROLE:
            state.compare(anonymous, reply, "a token request with the right credential and to one without any")
        if role not in REFUSED_ROLES and 400 <= reply.status < 500:
            second = _token_response(contact, identity, credential, in_body=False)
            if 400 <= second.status < 500:
                _note_refusal(state, role, credential, reply, _refusal_text(contact, identity, credential, reply))
    except Failed as failure:
        state.role(role, str(failure))
        return ""
    answer = _object(reply)
    token = answer.get("access_token") if reply.ok else None
    if isinstance(token, str) and not token_flaw(token):
        contact.http.recorder.redactor.learn(f"{role.upper()}_TOKEN", token)
        _granted(state, role, credential, answer)
        return token
    _refused(state, role, reply, partial(_refusal_text, contact, identity, credential, reply))
    return ""


def _note_refusal(state: SurfaceState, role: str, credential: Credential, reply: Exchange, refusal: str) -> None:
    """Note a credential that is refused in both forms; if only its scopes are refused, other roles still work."""
    cause = f"the credential {role} of the target file is refused a token: {refusal}"
    scopes_refused = _object(reply).get("error") == "invalid_scope"
    needs = mending(f"identity.credentials.{role}", credential.client_secret)
    if role == MAIN_ROLE:
        state.locked, state.mend = cause, "" if scopes_refused else needs
    elif reply.status in (400, 401) and not scopes_refused:
        state.refuse(role, cause, needs)


def _token_response(contact: Contact, identity: Identity, credential: Credential, in_body: bool) -> Exchange:
    """Request a token with the secret in the body, or by Basic authentication (RFC 6749 section 2.3.1)."""
    pairs, fields = {"grant_type": "client_credentials"}, [*FORM]
    name, secret = credential.client_id, credential.client_secret.reveal()
    if in_body:
        pairs |= {"client_id": name, "client_secret": secret}
    else:
        fields.append(basic(name, secret))
    if credential.scopes:
        pairs["scope"] = " ".join(credential.scopes)
    return contact.ask("POST", identity.token_path, fields, urlencode(pairs).encode())


def _granted(state: SurfaceState, role: str, credential: Credential, answer: dict[str, Any]) -> None:
    if role in REFUSED_ROLES:
        # The run goes on: this is a finding for its checks, not a mistake in the target file.
        state.credentials[role] = "is given a token"
        state.warn(f"{role}: is given a token, though a {role} credential must be refused")
        return
    state.role(role, "ok")
    granted = answer.get("scope")
    missing = sorted(set(credential.scopes) - set(granted.split())) if isinstance(granted, str) else []
    if missing:
        state.warn(f"{role}: a token, but without the scope {' '.join(missing)} that the target file declares")
    else:
        state.ok(f"{role}: a token")


def _refused(state: SurfaceState, role: str, reply: Exchange, cause: Callable[[], str]) -> None:
    if role in REFUSED_ROLES and reply.status in (400, 401, 403):
        state.credentials[role] = "ok"
        state.ok(f"{role}: refused, as it should be")
    elif reply.ok and is_html(reply):
        state.role(role, "is answered HTML where JSON is due")
    elif reply.ok:
        flaw = token_flaw(_object(reply).get("access_token"))
        state.role(role, f"is answered {reply.status} without a usable access token: {flaw}")
    else:
        state.role(role, f"is refused a token: {cause()}")


def _refusal_text(contact: Contact, identity: Identity, credential: Credential, reply: Exchange) -> str:
    """Return the status and error code of a refusal, and the refused scopes for invalid_scope."""
    error = _object(reply).get("error")
    if not isinstance(error, str):
        return f"{reply.status}"
    text = f'{reply.status} with "{contact.http.recorder.redactor.text(error)[:80]}"'
    return text + (_refused_scopes(contact, identity, credential) if error == "invalid_scope" else "")


def _refused_scopes(contact: Contact, identity: Identity, credential: Credential) -> str:
    """Say which scopes are refused separately; a list may be refused though each of its scopes is granted."""
    if not 1 < len(credential.scopes) <= MOST_SCOPES:
        return ""
    separate = {each: credential.model_copy(update={"scopes": [each]}) for each in credential.scopes}
    refused = [name for name, each in separate.items() if not _token_response(contact, identity, each, in_body=True).ok]
    if refused:
        return f", for {' and '.join(refused)} also when asked for alone"
    return ", though each scope is granted alone: a list of them (RFC 6749 section 3.3) is not read"


def _object(reply: Exchange) -> dict[str, Any]:
    try:
        answer = reply.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def looks_like_jwt(token: str) -> bool:
    """Return whether a token's first part is base64url of a JSON object with "alg" (RFC 7515 section 3.1)."""
    return "alg" in (part_of_jwt(token, 0) or {})


def _resources(contact: Contact, state: SurfaceState, identity: Identity, token: str | None) -> None:
    if token is None:
        if identity.resources:
            state.warn("without a token of the role full no declared resource can be tried")
        return
    safe = [each for each in identity.resources if each.method in ("GET", "HEAD")]
    results = [_resource(contact, state, each, token) for each in safe]
    if results and all(results):
        state.ok(f"{len(results)} declared resources answer to full")


def _resource(contact: Contact, state: SurfaceState, resource: Resource, token: str) -> bool:
    try:
        reply = contact.ask(resource.method, resource.path, [("Authorization", f"Bearer {token}")])
    except Failed as failure:
        state.fail(f"resource {resource.name}: {failure}")
        return False
    if reply.ok and not is_html(reply):
        return True
    answer = "HTML where JSON is due" if is_html(reply) else f"{reply.status}"
    state.fail(f"resource {resource.name}: {resource.method} {resource.path} is answered {answer}")
    return False


def _write_permission(state: SurfaceState, identity: Identity) -> None:
    full = identity.credentials.get("full")
    for resource in identity.resources:
        scope = resource.create.scope if resource.create else None
        if scope is not None and full is not None:
            if scope in full.scopes:
                state.ok(f"full has the scope that creates in {resource.name}")
            else:
                state.fail(f"full lacks the scope {scope} that creates in {resource.name}")
        if (resource.update or resource.delete) and not (resource.create and resource.item):
            state.warn(
                f"{resource.name}: nothing of it is changed, since it declares no create and item of the run's own"
            )
