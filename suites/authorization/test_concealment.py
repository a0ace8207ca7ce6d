"""A hidden resource is answered like one that does not exist, for every form of request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.documents import member
from conformance.oracles.state import State, expect_unchanged, state_of
from conformance.oracles.status import expect_status
from conformance.sandbox.concealed_resources import ConcealedResources, Hidden
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Platform
from conformance.vocabulary.check import case, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


@dataclass(frozen=True)
class Form:
    """One form of request. Destructive forms are sent only to items that the run created."""

    method: str = "GET"
    suffix: str = ""
    headers: HeaderFields = ()
    body: bytes = b""
    destructive: bool = False
    name: str = field(default="{name}")


VALID, BROKEN = b'{"description": "x"}', b'{"description": '
# With an unknown member too: a schema may refuse that before the item is looked up.
WRONG_TYPE = b'{"name": 7, "description": 7, "cf-unknown": {}}'
READS: dict[str, Form] = {
    "get": Form(), "head": Form("HEAD"), "options": Form("OPTIONS"),
    "accept-xml": Form(headers=[("Accept", "application/xml")]),
    "if-none-match": Form(headers=[("If-None-Match", "*")]), "if-match": Form(headers=[("If-Match", '"1"')]),
    "if-modified-since": Form(headers=[("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")]),
    "range": Form(headers=[("Range", "bytes=0-3")]),
}  # fmt: skip
WRITES: dict[str, Form] = {
    "post": Form("POST", headers=[JSON_TYPE], body=b"{}"),
    "post-broken": Form("POST", headers=[JSON_TYPE], body=BROKEN),
    "put": Form("PUT", headers=[JSON_TYPE], body=b"{}", destructive=True),
    "delete": Form("DELETE", destructive=True),
    "delete-if-match": Form("DELETE", headers=[("If-Match", '"0"')], destructive=True),
    "patch-valid": Form("PATCH", headers=[JSON_TYPE], body=VALID, destructive=True),
    "patch-broken": Form("PATCH", headers=[JSON_TYPE], body=BROKEN),
    "patch-array": Form("PATCH", headers=[JSON_TYPE], body=b"[]"),
    "patch-wrong-type": Form("PATCH", headers=[JSON_TYPE], body=WRONG_TYPE),
    "patch-empty": Form("PATCH", headers=[JSON_TYPE]),
    "patch-text": Form("PATCH", headers=[("Content-Type", "text/plain")], body=b"x"),
    "patch-if-match": Form("PATCH", headers=[JSON_TYPE, ("If-Match", '"0"')], body=VALID, destructive=True),
    "unknown-method": Form("CFTEST"),
}
PATHS: dict[str, Form] = {
    "trailing-slash": Form(suffix="/"), "child": Form(suffix="/members"),
    "unknown-child": Form(suffix="/cf-unknown"),
    "patch-unknown-child": Form("PATCH", "/cf-unknown", [JSON_TYPE], VALID),
    "delete-unknown-child": Form("DELETE", "/cf-unknown"),
    "post-child": Form("POST", "/projects", [JSON_TYPE], b'{"slug": "cf-x1", "name": "x"}', destructive=True),
    "query": Form(suffix="?limit=cf"), "upper-case": Form(name="{upper}"), "percent-encoded": Form(name="{encoded}"),
    "full-width": Form(name="{wide}"), "blank-behind": Form(name="{name}%20"),
    "parameter-behind": Form(name="{name};cf=1"), "extension": Form(name="{name}.json"),
}  # fmt: skip
FORMS = {**READS, **WRITES, **PATHS}
SAFE = ("GET", "HEAD", "OPTIONS")
# For a caller whose token is refused anyway, these variants of other forms show nothing more.
VARIATIONS = ("post-broken", "accept-xml", "if-modified-since", "range", "patch-array", "patch-wrong-type",
              "patch-empty", "put", "delete-if-match", "upper-case", "blank-behind",
              "patch-unknown-child", "delete-unknown-child")  # fmt: skip


def expect_alike(platform: Platform, thing: Hidden, form_name: str, token: str | None) -> Exchange:
    """Return the response to one form for a hidden thing; expect it to be as for things that never existed."""
    form = FORMS[form_name]
    authorization = [bearer(token)] if token else []

    def probe(name: str) -> Probe:
        spelled = form.name.replace("{name}", name).replace("{upper}", name.upper())
        spelled = spelled.replace("{wide}", f"{quote(chr(ord(name[0]) + 0xFEE0))}{name[1:]}")
        spelled = spelled.replace("{encoded}", f"%{ord(name[0]):02X}{name[1:]}")
        path = thing.path(spelled) + form.suffix
        return Probe(spelled, platform.request(form.method, path, [*authorization, *form.headers], form.body))

    return expect_as_absent(probe, thing.name, thing.control, f"for {thing.role} ({form_name})")


def expect_concealed(
    platform: Platform, hidden: ConcealedResources, things: list[Hidden], forms: Sequence[str], principal: str
) -> None:
    """Expect each thing to be answered like absent ones, and its owner to find it unchanged."""

    def owners_view(thing: Hidden) -> State:
        seen = state_of(lambda: platform.http.get(thing.path(thing.name), [bearer(platform.oauth.token("full"))]))
        # Of a resource that the run did not create only the status is compared: anyone may change its content.
        return seen if thing.ours else State(seen.status, b"")

    for thing in things:
        sent = [name for name in forms if thing.ours or not FORMS[name].destructive]
        writes = any(FORMS[name].method not in SAFE for name in sent)
        before = owners_view(thing) if writes else State(0, b"")
        replies = [expect_alike(platform, thing, name, hidden.token(thing, principal)) for name in sent]
        if writes:
            expect_unchanged(before, owners_view(thing), replies[-1])


def one_of_each(hidden: ConcealedResources, principal: str) -> list[Hidden]:
    """Return one thing for each path and role, or without a token each path; preferably one that the run created."""
    found = sorted(hidden.all(), key=lambda thing: thing.ours)
    return list({(thing.template, principal != "no-token" and thing.role): thing for thing in found}.values())


METHODS = sorted({form.method for form in WRITES.values()})


@verifies("authorization/concealment/hidden-is-answered-as-absent")
@sends_up_to(600)
@pytest.mark.parametrize(
    "forms",
    [
        *(case(name, [name]) for name in (*READS, *PATHS)),
        *(case(each.lower(), [name for name, form in WRITES.items() if form.method == each]) for each in METHODS),
    ],
)
def test_hidden_is_answered_as_absent(platform: Platform, hidden: ConcealedResources, forms: list[str]) -> None:
    """Purpose: a caller must not learn that a hidden resource exists, by reading, writing, or paths like its own.

    Method: 1. as a role from which a thing is hidden, request it between two absent controls of the same length
            2. expect the same status, fields and body; other differences than in status only if they recur eight times
            3. expect the owner to find the hidden thing unchanged; destructive requests go to the run's own items only
    """
    things = hidden.all() if forms == ["get"] else one_of_each(hidden, "full-scopes")
    expect_concealed(platform, hidden, things, forms, "full-scopes")


@verifies("authorization/concealment/hidden-is-answered-as-absent")
@sends_up_to(1500)
@pytest.mark.parametrize("principal", ["lacking-scope", "no-token"])
@pytest.mark.parametrize("forms", [case("reads", READS), case("writes", WRITES), case("paths", PATHS)])
def test_callers_without_access_learn_nothing(
    platform: Platform, hidden: ConcealedResources, forms: dict[str, Form], principal: str
) -> None:
    """Purpose: callers without the scope, or without a token, must not learn what exists either.

    Method: 1. without the scope, and without a token, send every form of request for one hidden thing of each kind
            2. expect the same responses, as for callers with all scopes
    """
    sent = [name for name in forms if name not in VARIATIONS]
    expect_concealed(platform, hidden, one_of_each(hidden, principal), sent, principal)


@verifies("authorization/concealment/hidden-is-not-shown")
def test_hidden_is_not_shown(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a resource that the target declares concealed is not shown to the roles that must not see it.

    Method: 1. read each concealed thing as each role from which it is concealed, with all scopes; 2. expect 404, or 403
    """
    for thing in hidden.all():
        reply = platform.http.get(thing.path(thing.name), [bearer(platform.oauth.token(thing.role))])
        expect_status(reply, {403, 404}, f"for {thing.path(thing.name)} as {thing.role}")


@verifies("authorization/concealment/hidden-is-not-shown#by-its-id")
def test_hidden_is_not_shown_by_its_id(platform: Platform, hidden: ConcealedResources) -> None:
    """Purpose: a resource that is hidden by its name is hidden by its id as well.

    Method: 1. as the owner read each concealed thing, and again with each of its ids instead of its name in the path
            2. where the id finds it, send the same request as a role that must not see it: expect 403 or 404
    """
    judged = False
    owner = bearer(platform.oauth.token("full"))
    for thing in hidden.all():
        shown = platform.http.get(thing.path(thing.name), [owner])
        for name, value in ((name, member(shown, name)) for name in ("id", "_id", "uuid", "number", "key")):
            if not isinstance(value, str | int) or str(value) == thing.name:
                continue
            path = thing.path(quote(str(value), safe=""))
            # Another, visible thing may have this name.
            if member(platform.http.get(path, [owner]), name) == value:
                reply = platform.http.get(path, [bearer(platform.oauth.token(thing.role))])
                expect_status(reply, {403, 404}, f"for {path}, by its {name}, as {thing.role}")
                judged = True
    if not judged:
        raise NotApplicable("nothing concealed is found by an id")
