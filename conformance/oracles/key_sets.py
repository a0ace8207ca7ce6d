"""The JWK set of a target (RFC 7517 section 5): its keys, and the members that no published key may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.clients.http import followed, on_one_host
from conformance.clients.oauth.client import OAuthClient
from conformance.oracles.status import observed, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
"""Members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2 and 6.4)."""
KNOWN_TYPES = ("RSA", "EC", "OKP", "OCT")


def private_members(key: Mapping[str, Any]) -> list[str]:
    """Return the private members of a key.

    The meaning of a member depends on the key type (RFC 7517 section 4), and clients ignore keys of unknown types
    (section 5). A key without a type, or with a type in other case, is judged by its members.
    """
    kind = key.get("kty")
    judged = not isinstance(kind, str) or kind.upper() in KNOWN_TYPES
    return [name for name in PRIVATE_MEMBERS if judged and name in key]


def public_part(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key without its private members, as it should be published; a symmetric key has no public part."""
    return {name: each for name, each in key.items() if name not in PRIVATE_MEMBERS or key.get("kty") == "oct"}


def published_keys(oauth: OAuthClient, strictly: bool = False) -> tuple[list[dict[str, Any]], Exchange]:
    """Return the keys of the declared JWK set, after redirects on its host, and the response with them.

    Inconclusive if the response is no JWK set: the target file may name a wrong path. If ``strictly``, other JSON and
    500 are findings.
    """
    path = oauth.identity.jwks_path
    if path is None:
        raise NotDeclared("the target file names no identity.jwks_path", "identity.jwks_path")
    reply = followed(oauth.http.get(path), oauth.http.get, on_one_host)
    keys = reply.member("keys") if reply.ok else None
    if strictly and reply.status == 500:
        raise unlike("a JWK set", reply, [200])
    if strictly and reply.ok and reply.media_type.endswith("json") and not keys:
        raise NonConformance("a JWK set with keys", observed(reply), reply)
    if not isinstance(keys, list) or not keys or not all(isinstance(each, dict) for each in keys):
        raise Inconclusive(f"{path} returns {reply.status} without keys", "identity.jwks_path with a JWK set")
    return keys, reply
