"""A change that must be conditional (428, RFC 6585 section 3) is sent again with its condition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.curl import CURL
from conformance.evidence.recorder import Recorder
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import SOON_S, Platform
from conformance.sandbox.templates import named_in
from conformance.target.description import (
    Create,
    Credential,
    Delete,
    Foreign,
    Identity,
    Item,
    Resource,
    Secret,
    Target,
    Update,
)
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from tests.oracles.replies import reply

PATH = "/things/a"
Fields = list[tuple[str, str]]


class Careful:
    """A service that demands of each change that it name what it is of; ``present`` is what a read answers."""

    base_url, curl = "http://target.example", CURL

    def __init__(self, present: Exchange) -> None:
        self.present, self.recorder = present, Recorder()
        self.sent: list[tuple[str, Fields, bytes]] = []

    def get(self, path: str, headers: Any = ()) -> Exchange:
        return self.send("GET", path, headers)

    def send(self, method: str, path: str, headers: Iterable[Any] = (), body: bytes = b"") -> Exchange:
        if method == "POST":
            return reply(200, {"access_token": "t" * 20, "token_type": "Bearer"})
        fields = [(name, value) for name, value in headers if name.startswith("If-")]
        self.sent.append((method, fields, body))
        if method == "GET":
            return self.present
        return reply(200 if fields else 428)


def platform_of(service: Careful, *resources: Resource) -> Platform:
    full = Credential(client_id="ct-full", client_secret=Secret("CT_SECRET", "a secret"), scopes=["a"])
    identity = Identity(url=service.base_url, credentials={"full": full}, resources=list(resources))
    http = cast(HttpClient, service)
    return Platform(
        Target(organization="acme"), OAuthClient(identity, http), http, Names("0tp1h00aaaa", "w0"), Ledger()
    )


def changed(present: Exchange, *fields: tuple[str, str], method: str = "PATCH") -> tuple[int, Careful]:
    """What a change is answered in the end, and what was sent for it."""
    service = Careful(present)
    return platform_of(service).request(method, PATH, fields, b"{}").status, service


@pytest.mark.parametrize(
    ("present", "condition"),
    [
        (reply(200, {}, {"ETag": '"7"'}), ("If-Match", '"7"')),
        (reply(200, {}, {"ETag": '"7"', "Last-Modified": "yesterday"}), ("If-Match", '"7"')),
        (reply(200, {}, {"Last-Modified": "yesterday"}), ("If-Unmodified-Since", "yesterday")),
        (reply(200, {}), ("If-Match", "*")),
        (reply(404), ("If-Match", '"0"')),
    ],
)
def test_a_change_is_repeated_with_the_current_version(present: Exchange, condition: tuple[str, str]) -> None:
    status, service = changed(present)
    assert (status, service.sent) == (200, [("PATCH", [], b"{}"), ("GET", [], b""), ("PATCH", [condition], b"{}")])


def test_a_conditional_change_is_sent_once() -> None:
    status, service = changed(reply(200, {}, {"ETag": '"7"'}), ("If-Match", '"6"'))
    assert (status, service.sent) == (200, [("PATCH", [("If-Match", '"6"')], b"{}")])


THINGS = Resource(
    name="things",
    path="/things",
    create=Create(body={"slug": "{slug}"}),
    item=Item(path="/things/{slug}"),
    update=Update(body={"name": "{text}"}, concurrency="version"),
)


class Dated(Careful):
    """A service that refuses an update which names no version in its body, where it ``demands`` one."""

    def __init__(self, demands: bool = True) -> None:
        super().__init__(reply(200, {"data": {"version": 7}}))
        self.demands = demands

    def send(self, method: str, path: str, headers: Iterable[Any] = (), body: bytes = b"") -> Exchange:
        if method != "PATCH":
            return super().send(method, path, headers, body)
        self.sent.append((method, [], body))
        good = b"broken" not in body and (b'"version": 7' in body or not self.demands)
        return reply(200 if good else 400)


def test_an_update_names_its_version_in_the_body_if_required() -> None:
    platform = platform_of(service := Dated(), THINGS)
    assert platform.request("PATCH", PATH, (), b'{"name": "x"}').status == 200
    assert service.sent[-1][2] == b'{"version": 7, "name": "x"}'
    assert platform.request("PATCH", PATH, (), b'{"name": "broken",}').status == 400
    assert service.sent[-1][2] == b'{"version": 7, "name": "broken",}'
    # What names one, or is of no such resource, or is no object, is sent once.
    for path, body in [(PATH, b'{"version": 6, "name": "x"}'), ("/others/a", b"{}"), (PATH, b"[]")]:
        before = len([each for each in service.sent if each[0] == "PATCH"])
        assert platform.request("PATCH", path, (), body).status == 400
        assert len([each for each in service.sent if each[0] == "PATCH"]) == before + 1


def test_an_operation_that_takes_effect_later_is_read_often_at_first_and_for_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Recorder, "pause", lambda _, seconds: pauses.append(seconds))
    platform = platform_of(Careful(reply(200)))
    assert not platform.soon(lambda: False)
    assert sum(pauses[:4]) < 0.2 and sum(pauses) >= SOON_S
    assert platform.soon(lambda: True)


LIKE = {"self": Foreign(path="/own"), "other": Foreign(path="/others")}


@pytest.mark.parametrize(
    ("resource", "shut"),
    [
        ({"path": "/me"}, False),
        ({"path": "/orgs/acme"}, True),
        ({"path": "/me", "concealed_from": ["foreign"]}, True),
        ({"path": "/own", "scope": "a"}, True),
        ({"path": "/own", "scope": "a", "foreign": LIKE["self"]}, False),
        ({"path": "/own", "scope": "a", "foreign": LIKE["other"]}, True),
        ({"path": "/own", "foreign": LIKE["other"]}, True),
    ],
)
def test_resources_closed_to_another_organization_are_known(resource: dict[str, Any], shut: bool) -> None:
    platform = platform_of(Careful(reply(200)), Resource(name="things", **resource))
    if shut:
        assert [each.path for each in platform.shut("read")] == [resource["path"]]
    else:
        with pytest.raises(NotApplicable, match="of the organization under test alone"):
            platform.shut("read")


@pytest.mark.parametrize(
    ("path", "absent", "form"),
    [
        ("/orgs/acme", "/orgs/{slug}", "/orgs/cf-[0-9a-z-]+x"),
        ("/orgs/1042/members", "/orgs/{slug}/members", "/orgs/[1-9][0-9]{3}/members"),
        ("/orgs/6f1ed002-ab55-4f8e-9c0a-0123456789ab", "/orgs/{slug}", "/orgs/6f1ed002-ab55-4f8e-9c0a-[0-9a-f]{12}"),
        ("/orgs/1042", "/others/{slug}", "/others/cf-[0-9a-z-]+x"),
        ("/orgs/1042", "/orgs/0", "/orgs/0"),
    ],
)
def test_an_absent_name_has_the_form_of_existing_names(path: str, absent: str, form: str) -> None:
    resource = Resource(name="organization", path=path, absent=absent)
    assert re.fullmatch(form, platform_of(Careful(reply(200)), resource).absent_path(resource))
    assert named_in(resource.path, resource.absent) == (path.split("/")[2] if absent.startswith("/orgs/{") else "")


class Deleting(Careful):
    """A service that answers every deletion with one status."""

    def __init__(self, status: int) -> None:
        super().__init__(reply(200))
        self.status = status

    def send(self, method: str, path: str, headers: Iterable[Any] = (), body: bytes = b"") -> Exchange:
        return reply(self.status) if method == "DELETE" else super().send(method, path, headers, body)


@pytest.mark.parametrize(("status", "left"), [(204, False), (404, False), (410, False), (403, True), (500, True)])
def test_what_is_gone_is_no_leftover(status: int, left: bool) -> None:
    things = Resource(name="things", path="/things", item=Item(path="/things/{slug}"), delete=Delete())
    platform = platform_of(Deleting(status), things)
    platform.remember(things, "cf-a")
    assert bool(platform.ledger.clean_up()) is left
