"""A hidden resource is answered like one that does not exist, for every form of request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.documents import member
from conformance.oracles.state import State, expect_unchanged, state_of
from conformance.oracles.status import expect_status
from conformance.sandbox.concealed_resources import Hidden, HiddenThings
from conformance.sandbox.platform import JSON_TYPE, HeaderFields, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof


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
    # Of a member that nobody knows, too, which a schema may refuse before anything is looked up.
    "wrong-type": b'{"name": 7, "description": 7, "cf-unknown": {}}',
    "empty": b"",
}
FORMS: dict[str, Form] = {
    "get": Form(),
    "head": Form("HEAD"),
    "options": Form("OPTIONS"),
    "trailing-slash": Form(suffix="/"),
    "child": Form(suffix="/members"),
    "unknown-child": Form(suffix="/cf-unknown"),
    "patch-unknown-child": Form("PATCH", "/cf-unknown", [JSON_TYPE], JSON_BODIES["valid"]),
    "delete-unknown-child": Form("DELETE", "/cf-unknown"),
    "post-child": Form("POST", "/projects", [JSON_TYPE], b'{"slug": "cf-x1", "name": "x"}', destructive=True),
    "query": Form(suffix="?limit=cf"),
    "accept-xml": Form(headers=[("Accept", "application/xml")]),
    "if-none-match": Form(headers=[("If-None-Match", "*")]),
    "if-match": Form(headers=[("If-Match", '"1"')]),
    "if-modified-since": Form(headers=[("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT")]),
    "range": Form(headers=[("Range", "bytes=0-3")]),
    "post": Form("POST", headers=[JSON_TYPE], body=b"{}"),
    "post-broken": Form("POST", headers=[JSON_TYPE], body=JSON_BODIES["broken"]),
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
    "full-width": Form(name="{wide}"),
    "blank-behind": Form(name="{name}%20"),
    "parameter-behind": Form(name="{name};cf=1"),
    "extension": Form(name="{name}.json"),
}


def spelled(form: Form, name: str) -> str:
    """A name as a form writes it."""
    encoded, wide = f"%{ord(name[0]):02X}{name[1:]}", f"{quote(chr(ord(name[0]) + 0xFEE0))}{name[1:]}"
    written = form.name.replace("{name}", name).replace("{upper}", name.upper()).replace("{wide}", wide)
    return written.replace("{encoded}", encoded)


SAFE = ("GET", "HEAD", "OPTIONS")
PATHS = (
    *("trailing-slash", "child", "unknown-child", "patch-unknown-child", "delete-unknown-child", "post-child", "query"),
    *("upper-case", "percent-encoded", "full-width", "blank-behind", "parameter-behind", "extension"),
)
READS = tuple(name for name, form in FORMS.items() if form.method in SAFE and name not in PATHS)
WRITES = tuple(name for name in FORMS if name not in PATHS and name not in READS)


def owners_view(platform: Platform, thing: Hidden) -> State:
    """What the owner reads of a hidden thing; only whether it can, where others may have changed what it reads.

    A list also tells of what other checks, and other people, create and remove at the same time.
    """
    seen = state_of(lambda: platform.http.get(thing.path(thing.name), [bearer(platform.oauth.token("full"))]))
    return seen if thing.ours else State(seen.status, b"")


def expect_alike(platform: Platform, thing: Hidden, form_name: str, token: str | None) -> Exchange:
    """One form is answered for the hidden thing as for what never existed; returns the hidden thing's answer."""
    form = FORMS[form_name]
    authorization = [bearer(token)] if token else []

    def ask(name: str) -> Asked:
        written = spelled(form, name)
        path = thing.path(written) + form.suffix
        return Asked(written, platform.request(form.method, path, [*authorization, *form.headers], form.body))

    try:
        return expect_as_absent(ask, thing.name, thing.control, f"for {thing.role} ({form_name})")
    except NonConformance as finding:
        if thing.ours and "{wide}" in form.name:
            finding.proof = Proof(beyond="a script makes a thing of another name, which is written otherwise")
        raise


def expect_concealed(
    platform: Platform, hidden: HiddenThings, things: list[Hidden], forms: Sequence[str], principal: str
) -> None:
    """Each thing is answered like things that never existed, and its owner finds it as before."""
    for thing in things:
        sent = [name for name in forms if thing.ours or not FORMS[name].destructive]
        writes = any(FORMS[name].method not in SAFE for name in sent)
        before = owners_view(platform, thing) if writes else State(0, b"")
        replies = [expect_alike(platform, thing, name, hidden.token(thing, principal)) for name in sent]
        if writes:
            expect_unchanged(before, owners_view(platform, thing), replies[-1])


def one_of_a_kind(hidden: HiddenThings, principal: str) -> list[Hidden]:
    """One thing for each path and role, and of each path where no role asks: the run's own, where it has one."""
    things = sorted(hidden.all(), key=lambda thing: thing.ours)
    return list({(thing.template, principal != "no-token" and thing.role): thing for thing in things}.values())


# Where already the token is refused, variations of one condition or one body tell nothing more.
VARIATIONS = ("post-broken", "accept-xml", "if-modified-since", "range", "patch-array", "patch-wrong-type",
              "patch-empty", "put", "delete-if-match", "upper-case", "blank-behind",
              "patch-unknown-child", "delete-unknown-child")  # fmt: skip
methods_of_writes = [case(name.lower(), name) for name in sorted({FORMS[each].method for each in WRITES})]
kinds_of_forms = [
    case(name, [each for each in forms if each not in VARIATIONS])
    for name, forms in {"reads": READS, "writes": WRITES, "paths": PATHS}.items()
]


@verifies("authorization/concealment/reading-tells-nothing")
@pytest.mark.parametrize("form", [case(name, name) for name in READS])
def test_reading_tells_nothing(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: a caller learns nothing by reading what is kept from it, on whatever condition.

    Method: 1. show that the owner reads each thing that the target file declares concealed (for conditions, one a path)
            2. read it as a role from which it is concealed, between two controls of the same length
            3. expect status, header fields and body as for the controls; what differs among those does not count
            4. where a header field or the body differs, eight times more: it counts if it is there each time
    """
    things = hidden.all() if form == "get" else one_of_a_kind(hidden, "full-scopes")
    expect_concealed(platform, hidden, things, [form], "full-scopes")


@verifies("authorization/concealment/writing-tells-nothing")
@pytest.mark.parametrize("method", methods_of_writes)
def test_writing_tells_nothing(platform: Platform, hidden: HiddenThings, method: str) -> None:
    """Purpose: a caller learns nothing by changing or deleting what is kept from it, well or badly.

    Method: 1. send changes and deletions, valid, broken and conditional, for the hidden thing and for controls
            2. expect the answers to be alike, as for reading, and the owner to find the hidden thing as before;
               what could destroy goes to the run's own items only
    """
    forms = [each for each in WRITES if FORMS[each].method == method]
    expect_concealed(platform, hidden, one_of_a_kind(hidden, "full-scopes"), forms, "full-scopes")


@verifies("authorization/concealment/paths-tell-nothing")
@pytest.mark.parametrize("form", [case(name, name) for name in PATHS])
def test_paths_tell_nothing(platform: Platform, hidden: HiddenThings, form: str) -> None:
    """Purpose: a caller learns nothing by paths near that of a hidden thing: below it, or written in another way.

    Method: 1. ask for children, change and delete such as never were, ask with a slash, a parameter or an extension
               behind, in other letters or encodings, for the hidden thing and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, one_of_a_kind(hidden, "full-scopes"), [form], "full-scopes")


@verifies("authorization/concealment/without-scope-nothing-is-told")
@pytest.mark.parametrize("forms", kinds_of_forms)
def test_without_scope_nothing_is_told(platform: Platform, hidden: HiddenThings, forms: Sequence[str]) -> None:
    """Purpose: who lacks the scope learns nothing of what exists.

    Method: 1. send every form of request with a token that lacks the scope, for a hidden thing a kind and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, one_of_a_kind(hidden, "lacking-scope"), forms, "lacking-scope")


@verifies("authorization/concealment/without-token-nothing-is-told")
@pytest.mark.parametrize("forms", kinds_of_forms)
def test_without_token_nothing_is_told(platform: Platform, hidden: HiddenThings, forms: Sequence[str]) -> None:
    """Purpose: nor does who has no token.

    Method: 1. send every form of request without a token, for a hidden thing of each kind and controls
            2. expect the answers to be alike, as for reading
    """
    expect_concealed(platform, hidden, one_of_a_kind(hidden, "no-token"), forms, "no-token")


IDS = ("id", "_id", "uuid", "number", "key")


@verifies("authorization/concealment/hidden-is-not-shown")
@pytest.mark.parametrize("members", [case("by-its-id", IDS)])
def test_hidden_is_not_shown_by_its_id(platform: Platform, hidden: HiddenThings, members: Sequence[str]) -> None:
    """Purpose: what is hidden by its name is hidden by its id as well, where that leads to it.

    Method: 1. read each concealed thing as its owner, and again with each id that it is shown with in its name's place
            2. where that leads to it, ask the same as who may not see the thing: expect 403 or 404
    """
    asked = 0
    owner = bearer(platform.oauth.token("full"))
    for thing in hidden.all():
        shown = platform.http.get(thing.path(thing.name), [owner])
        for name, value in ((name, member(shown, name)) for name in members):
            if not isinstance(value, str | int) or str(value) == thing.name:
                continue
            path = thing.path(quote(str(value), safe=""))
            # By that name there may be another thing, which is hidden from nobody.
            if member(platform.http.get(path, [owner]), name) == value:
                reply = platform.http.get(path, [bearer(platform.oauth.token(thing.role))])
                expect_status(reply, {403, 404}, f"for {path}, by its {name}, as {thing.role}")
                asked += 1
    if not asked:
        raise NotApplicable("nothing concealed is found by an id")


@verifies("authorization/concealment/hidden-is-not-shown")
def test_hidden_is_not_shown(platform: Platform, hidden: HiddenThings) -> None:
    """Purpose: what the target declares concealed is shown to nobody from whom it is.

    Method: 1. read each concealed thing as each role from which it is concealed, with all scopes
            2. expect 404, or 403 (which of them, and that it is the same for what never existed, is a check of its own)
    """
    for thing in hidden.all():
        reply = platform.http.get(thing.path(thing.name), [bearer(platform.oauth.token(thing.role))])
        expect_status(reply, {403, 404}, f"for {thing.path(thing.name)} as {thing.role}")
