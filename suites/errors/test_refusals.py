"""What was refused is no concurrent update: whoever has read an item before may change it as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.oauth.client import bearer
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.oracles.status import expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

MORE = 10
Refused = Callable[[Platform, Operation], Exchange | None]


def _name_taken(platform: Platform, update: Operation) -> Exchange | None:
    if not update.resource.unique:
        return None
    create = platform.operation(update.resource, "create", platform.slug_of(update))
    return platform.as_role("full", create, document=create.reworded("{} 2".format))


def _role_lacking(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    role = next((each for each in (declared.forbidden_to if declared else ()) if platform.oauth.has(each)), None)
    return platform.as_role(role, update) if role else None


def _no_json(platform: Platform, update: Operation) -> Exchange:
    fields = [update.type_field, bearer(platform.oauth.token("full"))]
    return platform.request(update.method, update.path, fields, update.body[:-1])


def _unknown_version(platform: Platform, update: Operation) -> Exchange | None:
    declared = update.resource.update
    by_field = declared and declared.concurrency == "If-Match"
    return platform.as_role("full", update, [("If-Match", '"cf-unknown"')]) if by_field else None


def _broken_off(platform: Platform, update: Operation) -> Exchange:
    caller = BreakingOff(platform.http)
    length = ("Content-Length", str(len(update.body) + MORE))
    fields = [("Host", caller.host()), update.type_field, bearer(platform.oauth.token("full")), length]
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields)
    return caller.send_beginning(f"{update.method} {caller.target(update.path)} HTTP/1.1{lines}".encode(), update.body)


def _taken_otherwise(platform: Platform, resource: Resource) -> bool:
    """Whether an update from the present version of another item is taken, of which nothing was refused before."""
    slug = platform.new_item(resource)
    update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
    return platform.as_role("full", update, fields).ok


REFUSED: dict[str, tuple[str, Refused]] = {
    "name-taken": ("a creation of its name", _name_taken),
    "role-lacking": ("an update by a role that lacks the right", _role_lacking),
    "no-json": ("an update that is no JSON", _no_json),
    "unknown-version": ("an update of an unknown version", _unknown_version),
    "broken-off": ("an update that broke off", _broken_off),
}


@verifies("errors/409/refusal-is-no-update")
@pytest.mark.parametrize("how", [case(name, name) for name in REFUSED])
def test_refusal_is_no_update(platform: Platform, how: str) -> None:
    """Purpose: a request that was refused leaves no trace at which an honest one fails: no new version, no lock.

    Method: 1. create an item and read its version; have something refused: a creation of its name, an update by who
               may not, one that is no JSON, one of an unknown version, one whose connection breaks
            2. update the item on condition of the version: expect 2xx. What was refused is named where another item,
               of which nothing was, is updated so
    """
    told, refuse = REFUSED[how]
    judged = False
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        update, fields = update_from(platform, resource, slug, version_of(platform, resource, slug))
        refused = refuse(platform, platform.operation(resource, "update", slug))
        if refused is not None and not refused.ok:
            judged = True
            reply = platform.as_role("full", update, fields)
            behind = f", behind {told}, which was refused" if reply.ok or _taken_otherwise(platform, resource) else ""
            expect_success(reply, f"for an update from the present version{behind}")
    if not judged:
        raise NotApplicable(f"nothing is refused here as {told}")
