"""Defects in what is forgotten in one place show in the answers they name."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import forgotten, items
from tests.reference.identity_table import Look, Row, api, api_header, statuses, token
from tests.reference.identity_world import ABSENT, ACME, ATLAS, GLOBEX, HIDDEN, KEY, PROJECTS, World, basic, claims

MADE, THEIRS = f"{PROJECTS}/made", f"{GLOBEX}/projects/made"


def with_token(text: str, url: str = ACME, method: str = "GET") -> Look:
    return lambda w: w.ask(method, url, headers={"authorization": f"Bearer {text}"}).status_code


def on_condition(*lines: str) -> Look:
    """The status of an update under these field lines of If-Match."""

    def look(w: World) -> int:
        fields = [("authorization", f"Bearer {w.bearer()}"), *(("if-match", each) for each in lines)]
        return w.ask("PATCH", ATLAS, json={"name": "x"}, headers=fields).status_code

    return look


def shown_behind_an_update(w: World) -> int:
    """What a member of the organization is answered for a hidden project whose owner has changed its name."""
    w.patch(HIDDEN, name="x")
    return w.api(HIDDEN, "ct-outsider").status_code


def of_their_organization(w: World) -> int:
    found = str(w.token(organization="globex").json()["access_token"])
    return int(with_token(found, GLOBEX)(w))


def identifiers(w: World) -> int:
    return len({claims(w.bearer())["jti"] for _ in range(2)})


def verified(w: World) -> bool:
    key = w.ask("GET", "/.well-known/jwks.json").json()["keys"][0]
    try:
        jwt.decode(w.bearer(), jwt.PyJWK(key).key, algorithms=["ES256"], options={"verify_aud": False})
    except jwt.InvalidSignatureError:
        return False
    return True


def stored(**form: Any) -> Look:
    return lambda w: w.token(**form).headers["cache-control"]


def stored_by_basic(w: World) -> str:
    return str(w.by_basic(basic("ct-full", w.secret())).headers["cache-control"])


def past_its_time(method: str) -> Look:
    """The status of a token that expired a second ago."""

    def look(w: World) -> Any:
        now = int(w.identity.now())
        made = w.identity.access_token_claims(w.identity.clients["ct-full"], ("project:write", "organization:read"))
        old = KEY.sign(made | {"iat": now - 9, "exp": now - 1}, typ="at+jwt")
        return with_token(old, ABSENT if method == "DELETE" else ACME, method)(w)

    return look


def used_in_its_time(w: World) -> int:
    """The status of a token that has expired, and was used while it had not."""
    found = w.bearer("ct-short")
    read = w.identity.key.verify
    with_token(found)(w)

    def expired(*given: Any) -> Any:
        raise jwt.ExpiredSignatureError

    w.identity.key.__dict__["verify"] = expired
    try:
        return int(with_token(found)(w))
    finally:
        del w.identity.key.__dict__["verify"]
        assert w.identity.key.verify == read


def revoked(method: str, url: str) -> Look:
    def look(w: World) -> Any:
        found = w.bearer()
        w.identity.revoke("ct-full")
        return with_token(found, url, method)(w)

    return look


def hours_to_expiry(w: World) -> tuple[int, int]:
    found = w.bearer()
    return round((claims(found)["exp"] - time.time()) / 3600), with_token(found)(w)


def eleventh(**changes: Any) -> Look:
    def look(w: World) -> int:
        for _ in range(10):
            w.token("ct-limited")
        return w.token("ct-limited", **changes).status_code

    return look


def text_of(url: str, *steps: Look) -> Look:
    """The description behind these steps."""

    def look(w: World) -> Any:
        for step in steps:
            step(w)
        return w.api(url).json().get("description")

    return look


def described(text: str) -> Look:
    return lambda w: w.patch(description=text).status_code


def created(client_id: str = "ct-full", url: str = PROJECTS, slug: str = "made") -> Look:
    return lambda w: w.api(url, client_id, "POST", json={"slug": slug, "name": client_id}).status_code


def deleted(w: World) -> int:
    return w.api(MADE, method="DELETE").status_code


def etag_made_again(w: World) -> str:
    for step in (created(), deleted, created()):
        step(w)
    return str(w.api(MADE).headers["etag"])


def at_once(w: World) -> list[Any]:
    """What is there of two projects that are created, and then changed, at one moment."""
    headers = {"authorization": f"Bearer {w.bearer()}"}
    slugs = ("one", "two")
    w.at_once([("POST", PROJECTS, {"headers": headers, "json": {"slug": each, "name": each}}) for each in slugs])
    urls = [f"{PROJECTS}/{each}" for each in slugs]
    w.at_once([("PATCH", url, {"headers": headers, "json": {"name": url[-3:] + "!"}}) for url in urls])
    return [w.api(url).json().get("name") for url in urls]


def listed(*steps: Look, member: str = "slug", client_id: str = "ct-full", query: str = "") -> Look:
    def look(w: World) -> Any:
        for step in steps:
            step(w)
        return [each[member] for each in w.api(PROJECTS + query, client_id).json()["items"]]

    return look


def seen_after_hiding(w: World) -> int:
    w.api(ATLAS, "ct-outsider")
    w.patch(members=["ct-full"])
    return w.api(ATLAS, "ct-outsider").status_code


def their_name(*steps: Look) -> Look:
    """The name that the other organization reads of what it has made."""

    def look(w: World) -> Any:
        for step in (created("ct-foreign", f"{GLOBEX}/projects"), *steps):
            step(w)
        return w.api(THEIRS, "ct-foreign").json().get("name")

    return look


PROVEN = {"client_secret": None, "client_assertion": "e30.e30."}
TOKENS: list[Row] = [
    (forgotten.AssertionTakenForProof, token(**PROVEN), 401, 200),
    (forgotten.OrganizationParameterHeeded, of_their_organization, 404, 200),
    (forgotten.TokensShareTheirIdentifier, identifiers, 2, 1),
    (forgotten.ClientOfTokensIsTheIssuer, lambda w: claims(w.bearer())["client_id"], "ct-full", "token-service"),
    (forgotten.PublishedKeyIsAnother, verified, True, False),
    (forgotten.RefusedScopeMayBeStored, stored(scope="x"), "no-store", "max-age=60"),
    (forgotten.TokenByBasicMayBeStored, stored_by_basic, "no-store", "private"),
    (forgotten.UseProlongsToken, used_in_its_time, 401, 200),
    (
        forgotten.ExpiryForgottenByWrites,
        statuses(past_its_time("GET"), past_its_time("DELETE")),
        [401, 401],
        [401, 404],
    ),
    (
        forgotten.RevocationForgottenByWrites,
        statuses(revoked("GET", ACME), lambda w: w.identity.restore("ct-full"), revoked("DELETE", ABSENT)),
        [401, None, 401],
        [401, None, 404],
    ),
    (
        forgotten.ExpiryForgottenByChanges,
        statuses(past_its_time("POST"), past_its_time("DELETE")),
        [401, 401],
        [401, 404],
    ),
    (
        forgotten.RevocationForgottenByChanges,
        statuses(revoked("POST", PROJECTS), lambda w: w.identity.restore("ct-full"), revoked("DELETE", ABSENT)),
        [401, None, 401],
        [401, None, 404],
    ),
    (
        forgotten.ExpiryForgottenByHead,
        statuses(past_its_time("GET"), past_its_time("HEAD")),
        [401, 401],
        [401, 200],
    ),
    (
        forgotten.RevocationForgottenByHead,
        statuses(revoked("GET", ACME), lambda w: w.identity.restore("ct-full"), revoked("HEAD", ACME)),
        [401, None, 401],
        [401, None, 200],
    ),
    (forgotten.HeadOfItemNeedsNoScope, api(ATLAS, method="HEAD", scope="member:read"), 403, 200),
    (
        forgotten.AllowNamesWhatIsRefused,
        api_header("allow", ACME, method="PUT"),
        "GET, HEAD, OPTIONS",
        "GET, HEAD, OPTIONS, PUT",
    ),
    (forgotten.AllowLacksWhatIsThere, api_header("allow", ACME, method="PUT"), "GET, HEAD, OPTIONS", "OPTIONS"),
    (
        forgotten.AnyOriginIsLetIn,
        api_header("access-control-allow-origin", ACME, headers={"origin": "null"}),
        None,
        "null",
    ),
    (forgotten.RefusalMayBeShared, api_header("cache-control", ABSENT), "no-store", "public, max-age=300"),
    (forgotten.TimesOfAnotherZone, hours_to_expiry, (1, 200), (3, 200)),
    (forgotten.LimitOfEachAgent, eleventh(headers={"user-agent": "x"}), 429, 200),
    (forgotten.LimitOfEachUrl, eleventh(query="?x=1"), 429, 200),
]


def with_members(w: World) -> Any:
    """How a new project is answered that only its members see."""
    document = {"slug": "theirs", "name": "Theirs", "members": ["ct-full"]}
    return w.api(PROJECTS, "ct-full", "POST", json=document).status_code


ITEMS: list[Row] = [
    (items.UpdateStoresMarkup, text_of(ATLAS, described("a & b")), "a & b", "a &amp; b"),
    (items.LinesEndOtherwise, text_of(ATLAS, described("a\nb")), "a\nb", "a\r\nb"),
    (items.ItemWithMembersFails, with_members, 201, 500),
    (items.TextCutAt2000, text_of(ATLAS, described("x" * 2001)), "x" * 2001, "x" * 2000),
    (items.AnythingIsNotModified, api(ATLAS, headers={"if-none-match": '"0"'}), 200, 304),
    (items.NotModifiedTellsNothing, api_header("etag", ATLAS, headers={"if-none-match": "*"}), '"1"', None),
    (items.WeakEntityTagIsAnother, api(ATLAS, headers={"if-none-match": 'W/"1"'}), 304, 200),
    (items.FirstIfMatchLineCounts, on_condition('"0"', '"1"'), 200, 409),
    (items.LastIfMatchLineCounts, on_condition('"1"', '"0"'), 200, 409),
    (items.UpdateShowsToEverybody, shown_behind_an_update, 404, 200),
    (items.UpdateTellsOldVersion, lambda w: w.patch(name="x").headers["etag"], '"2"', '"1"'),
    (items.VersionsBeginAnew, etag_made_again, '"2"', '"1"'),
    (items.CreationsAtOnceLoseOne, at_once, ["one!", "two!"], [None, "two!"]),
    (items.UpdatesAtOnceMixedUp, at_once, ["one!", "two!"], ["two!", "two!"]),
    (items.DeletedStaysListed, listed(created(), deleted), ["atlas", "secret-lab"], ["atlas", "secret-lab", "made"]),
    (
        items.ListTellsTheFirstText,
        listed(listed(), described("x"), member="description"),
        ["x", "Known to its member only"],
        ["Open to the whole organization", "Known to its member only"],
    ),
    (
        items.UpdateIsAcceptedAndForgotten,
        text_of(ATLAS, described("x")),
        "x",
        "Open to the whole organization",
    ),
    (items.HidingTakesSeconds, seen_after_hiding, 404, 200),
    (items.CreationReplacesHidden, created("ct-outsider", slug=HIDDEN.rpartition("/")[2]), 409, 201),
    (
        items.BoundsListHidden,
        listed(client_id="ct-outsider", query="?limit=9"),
        ["atlas"],
        ["atlas", "secret-lab"],
    ),
    (items.AllListsHidden, listed(client_id="ct-outsider", query="?all=1"), ["atlas"], ["atlas", "secret-lab"]),
    (items.DeletionReachesOtherOrganization, their_name(created(), deleted), "ct-foreign", None),
    (items.CreationReachesOtherOrganization, their_name(created()), "ct-foreign", "ct-full"),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TOKENS + ITEMS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
