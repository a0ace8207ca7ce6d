"""A change that may only be made on condition (428, RFC 6585 section 3) is made on condition, and judged by that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.curl import ASK
from conformance.evidence.recorder import Recorder
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Operation, Platform
from conformance.sandbox.templates import named_in
from conformance.target.description import Create, Credential, Foreign, Identity, Item, Resource, Secret, Target, Update
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable
from tests.clients.check_files import checks_of
from tests.oracles.replies import reply

PATH = "/things/a"
Fields = list[tuple[str, str]]


class Careful:
    """A service that demands of each change that it name what it is of; ``present`` is what a read answers."""

    base_url, asking = "http://target.example", ASK

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
def test_a_change_is_sent_again_on_condition_of_what_is_there(present: Exchange, condition: tuple[str, str]) -> None:
    status, service = changed(present)
    assert (status, service.sent) == (200, [("PATCH", [], b"{}"), ("GET", [], b""), ("PATCH", [condition], b"{}")])


def test_what_names_a_condition_is_sent_once() -> None:
    status, service = changed(reply(200, {}, {"ETag": '"7"'}), ("If-Match", '"6"'))
    assert (status, service.sent) == (200, [("PATCH", [("If-Match", '"6"')], b"{}")])


def test_what_changes_nothing_is_sent_once() -> None:
    status, service = changed(reply(200, {}, {"ETag": '"7"'}), method="OPTIONS")
    assert (status, len(service.sent)) == (428, 1)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_what_is_no_text_of_the_target_files_is_left_as_it_is(kind: str) -> None:
    body = {"slug": "{slug}", "name": "Thing {text}", "mail": "{slug}@example.org", "kind": "small"}
    resource = Resource(
        name="things",
        path="/things",
        unique="slug",
        create=Create(body=body),
        update=Update(body=body, concurrency="version"),
    )
    document = {"slug": "a", "name": "Thing n", "mail": "a@example.org", "kind": "small", "version": "007"}
    operation = Operation(resource, kind, "PATCH", PATH, None, document)
    marked = checks_of("errors", "conflicts")._marked(operation, 2)
    assert marked == document | {"name": "Thing n mark-2-of-6"}


@pytest.mark.parametrize(("kind", "texts"), [("create", set()), ("update", {"name"}), ("delete", set())])
def test_a_unique_text_is_left_as_it_is_where_it_is_to_be_found_again(kind: str, texts: set[str]) -> None:
    change = Update(body={"name": "{text}"})
    resource = Resource(name="things", path="/things", unique="name", create=Create(body=change.body), update=change)
    assert Operation(resource, kind, "PATCH", PATH, None, {"name": "n"}).texts == texts


def test_an_update_from_a_version_is_of_the_media_type_that_is_declared() -> None:
    merge = "application/merge-patch+json"
    update = Update(body={"name": "x"}, concurrency="version", content_type=merge)
    resource = Resource(name="things", path="/things", item=Item(path="/things/{slug}"), update=update)
    platform = platform_of(Careful(reply(200)), resource)
    operation, fields = checks_of("errors", "conflicts").update_from(platform, resource, "a", 7)
    assert (operation.content_type, operation.document, fields) == (merge, {"name": "x", "version": 7}, [])


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


def test_an_update_that_must_name_its_version_in_the_body_does() -> None:
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


def test_a_deletion_that_must_be_conditional_names_the_version_by_a_field() -> None:
    platform = platform_of(service := Careful(reply(200, {"version": 7}, {"ETag": '"7"'})), THINGS)
    assert platform.request("DELETE", PATH).status == 200
    assert service.sent[-1] == ("DELETE", [("If-Match", '"7"')], b"")


def test_whether_a_version_is_demanded_is_found_out_once() -> None:
    platform = platform_of(service := Dated(demands=False), THINGS)
    for _ in range(3):
        assert platform.request("PATCH", PATH, (), b'{"name": "broken"}').status == 400
    updates = [body for method, _, body in service.sent if method == "PATCH"]
    assert [b"broken" in body for body in updates] == [True, False, True, True]


def test_what_is_not_there_is_asked_for_by_the_version_of_another() -> None:
    platform = platform_of(service := Dated(), THINGS)
    assert platform.request("PATCH", PATH, (), b"{}").status == 200
    service.present = reply(404)
    assert platform.request("PATCH", "/things/gone", (), b"{}").status == 200
    assert service.sent[-1][2] == b'{"version": 7}'


@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_body_goes_under_the_media_type_that_is_declared(kind: str) -> None:
    """RFC 7396: a PATCH may be taken as application/merge-patch+json alone."""
    merge = "application/merge-patch+json"
    things = THINGS.model_copy(update={"update": Update(body={"name": "{text}"}, content_type=merge)})
    platform = platform_of(Careful(reply(200, {})), things)
    sent = platform.operation(things, kind, "a").headers
    assert sent == [("Content-Type", merge if kind == "update" else "application/json")]


class OfEachOrganization(Careful):
    """A service at which each token reads the list of its own organization, or one token that of another."""

    def __init__(self, lists: dict[str, object]) -> None:
        super().__init__(reply(200))
        self.lists = lists

    def send(self, method: str, path: str, headers: Iterable[Any] = (), body: bytes = b"") -> Exchange:
        if method == "POST":
            return reply(200, {"access_token": "f" * 20 if b"ct-foreign" in body else "t" * 20, "token_type": "Bearer"})
        return reply(200, self.lists["foreign" if ("Authorization", f"Bearer {'f' * 20}") in list(headers) else "full"])


@pytest.mark.parametrize(("foreign", "shut"), [(["theirs"], False), (["ours"], True)])
def test_a_list_of_each_organization_at_one_path_is_not_shut(foreign: list[str], shut: bool) -> None:
    """A path that names no organization may lead each caller to its own list, which nobody is refused."""
    platform = platform_of(
        OfEachOrganization({"full": ["ours"], "foreign": foreign}), Resource(name="things", path="/own", scope="a")
    )
    other = Credential(client_id="ct-foreign", client_secret=Secret("CT_FOREIGN", "another"), scopes=["a"])
    platform.oauth.identity.credentials["foreign"] = other
    if shut:
        assert [each.path for each in platform.shut("read")] == ["/own"]
    else:
        with pytest.raises(NotApplicable, match=r"needs foreign = \{ path"):
            platform.shut("read")


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
def test_what_a_foreign_token_has_no_right_to(resource: dict[str, Any], shut: bool) -> None:
    platform = platform_of(Careful(reply(200)), Resource(name="things", **resource))
    if shut:
        assert [each.path for each in platform.shut("read")] == [resource["path"]]
    else:
        with pytest.raises(NotApplicable, match="of the organization under test alone"):
            platform.shut("read")


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        (b'{"name": "text of a"}', True),
        (b'{"name": "another", "slug": "text of a"}', False),
        (b'{"data": {"name": "text of a"}}', True),
        (b'{"data": {"name": "t\\u0065xt of a"}}', True),
        (b'{"data": {"name": "another"}}', False),
        (b"name: text of a", True),
        (b"[]", False),
    ],
)
def test_where_an_answer_tells_a_text(body: bytes, tells: bool) -> None:
    assert checks_of("errors", "model_properties")._tells(reply(200, body), "name", "text of a") is tells


@pytest.mark.parametrize(
    ("path", "absent", "form"),
    [
        ("/orgs/acme", "/orgs/{slug}", "/orgs/cf-[0-9a-z-]+x"),
        ("/orgs/1042/members", "/orgs/{slug}/members", "/orgs/[1-9][0-9]{3}/members"),
        (
            "/orgs/6f1ed002-ab55-4f8e-9c0a-0123456789ab",
            "/orgs/{slug}",
            "/orgs/6f1ed002-ab55-4f8e-9c0a-[0-9a-f]{12}",
        ),
        ("/orgs/1042", "/others/{slug}", "/others/cf-[0-9a-z-]+x"),
        ("/orgs/1042", "/orgs/0", "/orgs/0"),
    ],
)
def test_what_never_existed_is_named_as_things_are_there(path: str, absent: str, form: str) -> None:
    resource = Resource(name="organization", path=path, absent=absent)
    assert re.fullmatch(form, platform_of(Careful(reply(200)), resource).absent_path(resource))
    assert named_in(resource.path, resource.absent) == (path.split("/")[2] if absent.startswith("/orgs/{") else "")
