"""Hidden equals absent: what is kept from a caller is answered as what never existed, for every form of request."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from conformance.clients.oauth import bearer
from conformance.oracles.concealment import Asked, difference, expect_as_absent
from conformance.oracles.state import expect_unchanged
from conformance.sandbox.hidden import Hidden, HiddenThings
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Platform
from conformance.vocabulary.check import case, verifies


@dataclass(frozen=True)
class Form:
    """One form of request. Forms that would destroy what they reach are sent only to what the run made itself."""

    method: str = "GET"
    suffix: str = ""
    headers: HeaderFields = ()
    body: bytes = b""
    destructive: bool = False
    name: str = field(default="{name}")


JSON_BODIES = {
    "valid": b'{"description": "x"}',
    "broken": b'{"description": ',
    "array": b"[]",
    "wrong-type": b'{"name": 7}',
    "empty": b"",
}


FORMS: dict[str, Form] = {
    "get": Form(),
    "head": Form("HEAD"),
    "options": Form("OPTIONS"),
    "trailing-slash": Form(suffix="/"),
    "child": Form(suffix="/members"),
    "unknown-child": Form(suffix="/cf-unknown"),
    "post-child": Form("POST", "/projects", [JSON_TYPE], b'{"slug": "cf-x1", "name": "x"}', destructive=True),
    "query": Form(suffix="?limit=cf"),
    "accept-xml": Form(headers=[("Accept", "application/xml")]),
    "if-none-match": Form(headers=[("If-None-Match", "*")]),
    "if-match": Form(headers=[("If-Match", '"1"')]),
    "if-modified-since": Form(headers=[("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")]),
    "range": Form(headers=[("Range", "bytes=0-3")]),
    "post": Form("POST", headers=[JSON_TYPE], body=b"{}"),
    "put": Form("PUT", headers=[JSON_TYPE], body=b"{}", destructive=True),
    "delete": Form("DELETE", destructive=True),
    "delete-if-match": Form("DELETE", headers=[("If-Match", '"0"')], destructive=True),
    "patch-valid": Form("PATCH", headers=[JSON_TYPE], body=JSON_BODIES["valid"], destructive=True),
    "patch-broken": Form("PATCH", headers=[JSON_TYPE], body=JSON_BODIES["broken"]),
    "patch-array": Form("PATCH", headers=[JSON_TYPE], body=JSON_BODIES["array"]),
    "patch-wrong-type": Form("PATCH", headers=[JSON_TYPE], body=JSON_BODIES["wrong-type"]),
    "patch-empty": Form("PATCH", headers=[JSON_TYPE]),
    "patch-text": Form("PATCH", headers=[("Content-Type", "text/plain")], body=b"x"),
    "patch-if-match": Form(
        "PATCH", headers=[JSON_TYPE, ("If-Match", '"0"')], body=JSON_BODIES["valid"], destructive=True
    ),
    "unknown-method": Form("CFTEST"),
    "upper-case": Form(name="{upper}"),
    "percent-encoded": Form(name="{encoded}"),
    "blank-behind": Form(name="{name}%20"),
}


def spelled(form: Form, name: str) -> str:
    """A name as a form writes it."""
    encoded = f"%{ord(name[0]):02X}{name[1:]}"
    return form.name.replace("{name}", name).replace("{upper}", name.upper()).replace("{encoded}", encoded)


def compared(platform: Platform, thing: Hidden, form: Form, token: str | None) -> tuple[list[Asked], list[Asked]]:
    """Two requests for the hidden thing between three for controls."""
    names = [thing.control(), thing.name, thing.control(), thing.name, thing.control()]
    authorization = [bearer(token)] if token else []
    asked = []
    for name in names:
        path = thing.path(spelled(form, name)) + form.suffix
        reply = platform.http.send(form.method, path, [*authorization, *form.headers], form.body)
        asked.append(Asked(spelled(form, name), reply))
    return [asked[1], asked[3]], [asked[0], asked[2], asked[4]]


SAFE = ("GET", "HEAD", "OPTIONS")
PATHS = (
    "trailing-slash",
    "child",
    "unknown-child",
    "post-child",
    "query",
    "upper-case",
    "percent-encoded",
    "blank-behind",
)


READS = tuple(name for name, form in FORMS.items() if form.method in SAFE and name not in PATHS)


WRITES = tuple(name for name in FORMS if name not in PATHS and name not in READS)


def owners_view(platform: Platform, thing: Hidden) -> tuple[int, bytes]:
    """What the owner reads of a hidden thing."""
    reply = platform.http.get(thing.path(thing.name), [bearer(platform.oauth.token("full"))])
    return reply.status, reply.body


def expect_concealed(platform: Platform, hidden: HiddenThings, form: Form, principal: str) -> None:
    """Each hidden thing is answered like things that never existed; a difference counts if it is there again."""
    for thing in hidden.all():
        if form.destructive and not thing.ours:
            continue
        token = hidden.token(thing, principal)
        before = owners_view(platform, thing) if form.method not in SAFE else (0, b"")
        asked, controls = compared(platform, thing, form, token)
        if form.method not in SAFE:
            expect_unchanged(before, owners_view(platform, thing), asked[-1].reply)
        if any(each.reply.status != controls[0].reply.status for each in asked):
            # A status is not volatile, and what was destroyed could not be asked for again.
            expect_as_absent(asked, controls, because=f"for {thing.role}")
        elif any(difference(each, controls) for each in asked):
            expect_as_absent(*compared(platform, thing, form, token), because=f"for {thing.role}")


@verifies("authorization/concealment/reading-tells-nothing")
@pytest.mark.parametrize("form", [case(name, name) for name in READS])
def test_reading_tells_nothing(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: a caller learns nothing by reading what is kept from it, on whatever condition.

    Method: 1. show that the owner reads each thing that the target file declares concealed
            2. read it twice as a role from which it is concealed, between three controls of the same length
            3. expect status, header fields and body as for the controls; what differs among those does not count
            4. where it differs, once more, with fresh controls
    """
    expect_concealed(platform, hidden, FORMS[form], "full-scopes")


@verifies("authorization/concealment/writing-tells-nothing")
@pytest.mark.parametrize("form", [case(name, name) for name in WRITES])
def test_writing_tells_nothing(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: a caller learns nothing by changing or deleting what is kept from it, well or badly.

    Method: 1. send changes and deletions, valid, broken and conditional, for the hidden thing and for controls
            2. expect the answers to be alike, as for reading, and the owner to find the hidden thing as before;
               what could destroy goes to the run's own items only
    """
    expect_concealed(platform, hidden, FORMS[form], "full-scopes")


@verifies("authorization/concealment/paths-tell-nothing")
@pytest.mark.parametrize("form", [case(name, name) for name in PATHS])
def test_paths_tell_nothing(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: a caller learns nothing by paths near that of a hidden thing: below it, or written in another way.

    Method: 1. ask for children, with a slash behind, in other letters or encodings, for the hidden thing and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, FORMS[form], "full-scopes")


@verifies("authorization/concealment/without-scope-nothing-is-told")
@pytest.mark.parametrize("form", [case(name, name) for name in FORMS])
def test_without_scope_nothing_is_told(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: who lacks the scope learns nothing of what exists.

    Method: 1. send every form of request with a token that lacks the scope, for the hidden thing and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, FORMS[form], "lacking-scope")


@verifies("authorization/concealment/without-token-nothing-is-told")
@pytest.mark.parametrize("form", [case(name, name) for name in FORMS])
def test_without_token_nothing_is_told(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: nor does who has no token.

    Method: 1. send every form of request without a token, for the hidden thing and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, FORMS[form], "no-token")
