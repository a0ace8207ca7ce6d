"""Mistakes of a target file that its models cannot detect: unknown references, and contradictions between keys."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from typing import Any, get_args

from conformance.contract.catalogue import catalogue
from conformance.target.description import Hooks, Identity, Secret
from conformance.target.errors import Mistake, choices, nearest
from conformance.target.toml_locations import Path
from conformance.vocabulary.values import host_and_port

SURFACES = ("identity", "registry", "storage", "webhooks")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
WEBHOOK_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#\s@]+)(?:[/?][!-~]*)?\Z", re.IGNORECASE)
WITH_SLUG = "must hold {slug}, which is replaced by that of the item"
ENDED = {"revoked", "expired"}
"""Roles whose login no longer works. The preflight reports one that still works."""
SEPARATE_CLIENTS = {"foreign", "revocable"}
"""Roles of clients of another organization, or that stop working during the run."""
NAMELESS = "the target has no name: it is [targets.staging], [targets.staging.identity] and so on"


def semantic_mistakes(data: dict[str, Any]) -> list[Mistake]:
    """Return the mistakes of a file with resolved references; values of a wrong type are ignored."""
    found: list[Mistake] = []
    for name, target in _tables(data.get("targets")):
        place: Path = ("targets", name)
        found += _features((*place, "features"), target.get("features"))
        found += _foreign_names(place, target)
        found += _clients((*place, "identity", "credentials"), _table(_table(target, "identity"), "credentials"))
        found += _logins((*place, "registry", "credentials"), _table(_table(target, "registry"), "credentials"))
        found += _webhook((*place, "webhooks", "url"), _table(target, "webhooks").get("url"))
        found += _hooks((*place, "hooks"), _table(target, "hooks"))
        found += _resources((*place, "identity", "resources"), _table(target, "identity").get("resources"))
    return found


def is_nameless(data: dict[str, Any]) -> bool:
    """Return whether the file has a target's keys where its name should be."""
    targets = _table(data, "targets")
    return isinstance(targets.get("organization"), str) or any(
        not isinstance(_table(targets, each).get(key, {}), dict) for each in SURFACES for key in ("url", "endpoint")
    )


def _tables(value: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Return the tables in a table or a list, with their keys; nothing for another type."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ((key, each) for key, each in pairs if isinstance(each, dict))


def _table(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    """Return the texts of a list with their indexes."""
    values = value if isinstance(value, list) else ()
    return ((index, each) for index, each in enumerate(values) if isinstance(each, str))


def _resources(place: Path, resources: Any) -> Iterator[Mistake]:
    names = list[str]()
    for index, resource in _tables(resources):
        at, name = (*place, index), resource.get("name")
        if name in names:
            yield Mistake((*at, "name"), "a resource of this name stands above; each has one of its own")
        names += [name] if isinstance(name, str) else []
        item, create = _table(resource, "item"), _table(resource, "create")
        yield from _roles((*at, "concealed_from"), resource.get("concealed_from"))
        for key in ("concealed_from", "hidden_from"):
            yield from _roles((*at, "item", key), item.get(key))
        for kind in ("create", "update", "delete"):
            yield from _roles((*at, kind, "forbidden_to"), _table(resource, kind).get("forbidden_to"))
        yield from _placeholders(at, resource)
        if ("hidden_body" in item) != ("hidden_from" in item):
            yield Mistake((*at, "item"), "hidden_body and hidden_from go together: what hides an item, and from whom")
        unique, body = resource.get("unique"), create.get("body")
        if isinstance(unique, str) and isinstance(body, dict) and unique not in body:
            yield Mistake((*at, "unique"), f'create.body has no member "{unique}"{nearest(unique, body)}')
        concurrency = _table(resource, "update").get("concurrency")
        if isinstance(concurrency, str) and concurrency != "If-Match" and concurrency.lower() == "if-match":
            yield Mistake(
                (*at, "update", "concurrency"), 'is spelled "If-Match"; any other word is a member of the body'
            )


def _placeholders(place: Path, resource: dict[str, Any]) -> Iterator[Mistake]:
    foreign = _table(resource, "foreign")
    paths = {
        ("path",): (resource.get("path"), False),
        ("absent",): (resource.get("absent"), None),
        ("item", "path"): (_table(resource, "item").get("path"), True),
        ("foreign", "path"): (foreign.get("path"), False),
        ("foreign", "item"): (foreign.get("item"), True),
    }
    for key, (path, slug) in paths.items():
        if not isinstance(path, str):
            continue
        unknown = [each for each in PLACEHOLDER.findall(path) if each != "{slug}" or slug is False]
        if unknown:
            known = "nothing is replaced here" if slug is False else "only {slug} is replaced here"
            yield Mistake((*place, *key), f"{unknown[0]} stands for nothing: {known}")
        elif slug and "{slug}" not in path:
            yield Mistake((*place, *key), WITH_SLUG)


def _foreign_names(place: Path, target: dict[str, Any]) -> Iterator[Mistake]:
    """Yield names of another organization that are the target's own: checks would accuse it of leaking them."""
    organization, foreign = target.get("organization"), _table(target, "foreign").get("organization")
    if isinstance(foreign, str) and foreign == organization:
        yield Mistake((*place, "foreign", "organization"), "is the target's own; another one is meant")
    registry, storage = _table(target, "registry"), _table(target, "storage")
    own, other = registry.get("repository"), registry.get("foreign_repository")
    if isinstance(own, str) and isinstance(other, str) and f"{other}/".startswith(f"{own}/"):
        key = (*place, "registry", "foreign_repository")
        yield Mistake(key, "is the target's own repository; one of another organization is meant")
    buckets = [each for _, each in _texts(storage.get("buckets"))]
    if storage.get("foreign_bucket") in buckets:
        key = (*place, "storage", "foreign_bucket")
        yield Mistake(key, "is one of the target's own buckets; one of another organization is meant")
    for index, bucket in _texts(storage.get("buckets")):
        if bucket in buckets[:index]:
            yield Mistake((*place, "storage", "buckets", index), "stands there twice; each bucket is another one")


def _clients(place: Path, credentials: dict[str, Any]) -> Iterator[Mistake]:
    """Yield clients in two roles with different expectations: checks would accuse them in one role."""
    for role, other in _same_login(credentials, "client_id", "client_secret"):
        separate, shared = (role, other) if role in SEPARATE_CLIENTS else (other, role)
        scopes = [credentials[each].get("scopes") or [] for each in (role, other)]
        if separate in SEPARATE_CLIENTS:
            yield Mistake((*place, separate), f"is the client of {shared}; {separate} is for one of its own")
        elif all(scopes) and len({frozenset(map(str, each)) for each in scopes}) > 1:
            problem = f"is the client of {role}, whose scopes are others; one has those that it was created with"
            yield Mistake((*place, other), problem)


def _logins(place: Path, credentials: dict[str, Any]) -> Iterator[Mistake]:
    """Yield logins in two roles, which have different permissions."""
    for role, other in _same_login(credentials, "username", "password"):
        yield Mistake((*place, other), f"is the login of {role}; each role is for one that may do something else")


def _same_login(credentials: dict[str, Any], name: str, secret: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of roles with the same name and secret, except revoked and expired ones."""
    for (role, one), (other, another) in itertools.combinations(_tables(credentials), 2):
        secrets = [each[secret].reveal() for each in (one, another) if isinstance(each.get(secret), Secret)]
        same = one.get(name) == another.get(name) and len(secrets) == 2 and len({*secrets}) == 1
        if same and not {role, other} & ENDED:
            yield role, other


def _webhook(place: Path, url: Any) -> Iterator[Mistake]:
    """Yield the mistake of an invalid webhook URL, without the URL, which is a secret."""
    matched = WEBHOOK_URL.match(url.reveal()) if isinstance(url, Secret) else None
    try:
        known = matched is not None and all(host_and_port(matched["scheme"].lower(), matched["authority"])[:2])
    except ValueError:
        known = False
    if isinstance(url, Secret) and not known:
        yield Mistake(place, "must be an http:// or https:// URL with no user name in it, as the portal shows it")


def _hooks(place: Path, hooks: dict[str, Any]) -> Iterator[Mistake]:
    for name, command in hooks.items():
        if name not in Hooks.model_fields or not isinstance(command, str):
            continue
        try:
            shlex.split(command)
        except ValueError as reason:
            yield Mistake((*place, name), f"cannot be read as a command: {str(reason)[:1].lower()}{str(reason)[1:]}")


def _features(place: Path, claimed: Any) -> Iterator[Mistake]:
    known = catalogue().features
    for index, feature in _texts(claimed):
        if feature not in known:
            yield Mistake((*place, index), f'unknown feature "{feature}"{nearest(feature, known, choices(known))}')


def _roles(place: Path, roles: Any) -> Iterator[Mistake]:
    known = identity_roles()
    for index, role in _texts(roles):
        if role not in known:
            yield Mistake((*place, index), f'unknown role "{role}"{nearest(role, known, choices(known))}')


def identity_roles() -> tuple[str, ...]:
    """Return the roles that a credential may have."""
    keys = get_args(Identity.model_fields["credentials"].annotation)[0]
    return tuple(map(str, get_args(keys)))
