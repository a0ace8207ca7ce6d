"""Defects in who calls, and in what a write reaches, show in the answers they name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import calls, writes
from conformance.reference.variants import identity_answers, identity_requests
from tests.reference.identity_table import Look, Row, api, api_header, created, patched, statuses
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World, basic, claims

JSON = {"content-type": "application/json"}
MADE = f"{PROJECTS}/made"


def scopes_at_once(w: World) -> list[str]:
    """What is stated to two credentials that ask at one moment."""
    form = {"grant_type": "client_credentials"}
    forms = [form | {"client_id": name, "client_secret": w.secret(name)} for name in ("ct-full", "ct-narrow")]
    asked = [("POST", "/oauth/token", {"data": each}) for each in forms]
    return [str(answer.json()["scope"]).split(" ")[-1] for answer in w.at_once(asked)]


def callers_at_once(w: World) -> list[int]:
    """What is answered to two organizations that read a thing of one at one moment."""
    tokens = [w.bearer(name) for name in ("ct-full", "ct-foreign")]
    return [
        each.status_code
        for each in w.at_once([("GET", ACME, {"headers": {"authorization": f"Bearer {one}"}}) for one in tokens])
    ]


def by_basic(w: World) -> int:
    return w.ask("GET", ACME, headers={"authorization": basic("ct-full", w.secret())}).status_code


def revoked(w: World) -> int:
    narrow = w.bearer(scope="organization:read")
    w.identity.revoke("ct-full")
    return w.ask("GET", ACME, headers={"authorization": f"Bearer {narrow}"}).status_code


def above_the_limit(**headers: str) -> Look:
    """The status of the request behind those that the limit lets through."""

    def look(w: World) -> int:
        for _ in range(10):
            w.token("ct-limited")
        if "authorization" in headers:
            return w.by_basic(basic("ct-limited", w.secret("ct-limited"))).status_code
        return w.token("ct-limited", headers=headers).status_code

    return look


def private_members(w: World) -> bool:
    return "d" in w.ask("GET", "/.well-known/jwks.json").json()["keys"][0]


def published(w: World) -> list[str]:
    return [each["kty"] for each in w.ask("GET", "/.well-known/jwks.json").json()["keys"]]


def tags_of_two_reads(w: World) -> list[str]:
    return [w.api(ATLAS).headers["etag"] for _ in range(2)]


def algorithm(w: World) -> bool:
    return w.bearer().startswith("eyJhbGciOiJIUzI1NiI")


def of_all(name: str, *steps: Look) -> Look:
    """A member of every project that is there behind some steps."""

    def look(w: World) -> Any:
        for step in steps:
            step(w)
        return sorted(str(getattr(each, name)) for each in w.identity.organizations["acme"].projects.values())

    return look


def stored(text: str) -> Look:
    """The description that a creation with this text shows."""
    return lambda w: w.create(description=text).json()["description"]


def of_type(media_type: str) -> Look:
    """The status of an update whose body is of this type."""
    return api(ATLAS, "ct-full", "PATCH", content=b"{}", headers={"content-type": media_type})


def created_behind_a_look(w: World) -> int:
    return statuses(api(MADE), lambda each: each.create().status_code, api(MADE))(w)[-1]  # type: ignore[no-any-return]


def longer(w: World) -> Any:
    """Makes a project whose name goes on where that of ``atlas`` ends."""
    return w.create(slug="atlas-2", description="own")


CALLS: list[Row] = [
    (calls.ClientOfLatestRequest, scopes_at_once, ["project:write", "organization:read"], ["organization:read"] * 2),
    (calls.CallerOfLatestRequest, callers_at_once, [200, 404], [404, 404]),
    (calls.ClientOpensApiByBasic, by_basic, 401, 200),
    (calls.NarrowTokensOutliveRevocation, revoked, 401, 200),
    (calls.MethodInQueryHonoured, api(f"{ATLAS}?_method=DELETE", scope="project:read"), 200, 204),
    (calls.NotModifiedBeforeScope, api(ATLAS, scope="member:read", headers={"if-none-match": "*"}), 403, 304),
    (
        calls.TakenSlugToldBeforeScope,
        api(PROJECTS, "ct-full", "POST", "member:read", content=b'{"slug": "atlas"}', headers=JSON),
        403,
        409,
    ),
    (
        calls.ChallengeWithoutCommas,
        api_header("www-authenticate", ACME, None, headers={"authorization": "Bearer x"}),
        'Bearer realm="reference", error="invalid_token"',
        'Bearer realm="reference" error="invalid_token"',
    ),
    (
        calls.ChallengeNamesScopeAtHand,
        lambda w: "organization:read" in w.api(ATLAS, scope="organization:read").headers["www-authenticate"],
        False,
        True,
    ),
    (calls.HeadStatesNoLength, lambda w: w.api(ACME, method="HEAD").headers["content-length"] == "0", False, True),
    (calls.LimitOfEachAddress, above_the_limit(**{"x-forwarded-for": "192.0.2.1"}), 429, 200),
    (calls.LimitOfFormsAlone, above_the_limit(authorization="basic"), 429, 200),
    (calls.KeySetShowsPrivateKey, private_members, False, True),
    (
        calls.ParametersBecomeClaims,
        lambda w: claims(w.token(roles="x").json()["access_token"]).get("roles"),
        None,
        "x",
    ),
    (calls.SignedWithClientsSecret, algorithm, False, True),
]
OPEN, LAB = "Open to the whole organization", "Known to its member only"
WRITES: list[Row] = [
    (writes.UpdateReachesEverything, of_all("description", patched(description="x")), [LAB, "x"], ["x", "x"]),
    (
        writes.UpdateReachesLongerNames,
        of_all("description", longer, patched(description="x")),
        [LAB, "own", "x"],
        [LAB, "x", "x"],
    ),
    (
        writes.DeletionReachesLongerNames,
        of_all("slug", longer, api(ATLAS, "ct-full", "DELETE")),
        ["atlas-2", "secret-lab"],
        ["secret-lab"],
    ),
    (
        writes.UpdateReplacesTheWhole,
        of_all("description", patched(name="x")),
        [LAB, OPEN],
        ["", LAB],
    ),
    (
        writes.RefusedUpdateSetsItsDescription,
        lambda w: (w.patch(name=7, description="x"), w.api(ATLAS).json()["description"] == "x")[1],
        False,
        True,
    ),
    (
        writes.RefusedUpdateSetsWhatIsGood,
        of_all("name", patched(name="x", description=7)),
        ["Atlas", "Secret lab"],
        ["Secret lab", "x"],
    ),
    (writes.HiddenCountedInOrganization, lambda w: w.api(ACME).json().get("projects"), None, 2),
    (writes.HiddenChangesEntityTagOfList, api_header("etag", PROJECTS), None, '"2"'),
    (writes.AbsenceRemembered, created_behind_a_look, 200, 404),
    (writes.FirstEntityTagCounts, patched({"if-match": '"0", "1"'}, name="x"), 200, 409),
    (writes.AnyEntityTagIsNone, patched({"if-match": "*"}, name="x"), 200, 409),
    (writes.WeakEntityTagMatches, patched({"if-match": 'W/"1"'}, name="x"), 409, 200),
    (writes.MarksStoredAsMarkup, stored("a & b"), "a & b", "a &amp; b"),
    (writes.BackslashesLost, stored("a\\b"), "a\\b", "ab"),
    (writes.FourByteCharactersLost, stored("é🚀"), "é🚀", "é?"),
    (writes.OtherScriptsLost, stored("éЖ"), "éЖ", "é?"),
    (writes.TextCutAt255, stored("x" * 256), "x" * 256, "x" * 255),
    (writes.ApiCharsetRefused, of_type("application/json;charset=utf-8"), 200, 400),
    (writes.ApiMediaTypeComparedWithCase, of_type("Application/JSON"), 200, 400),
    (
        writes.ReservedNameCrashes,
        api(PROJECTS, "ct-full", "POST", content=json.dumps({"constructor": 1}).encode(), headers=JSON),
        400,
        500,
    ),
    (
        writes.BrowserShownStackTrace,
        lambda w: "/srv/" in w.api(MADE, headers={"accept": "text/html"}).text,
        False,
        True,
    ),
]


unconditional = statuses(patched(name="x"), api(MADE, method="DELETE"), api(ATLAS, method="DELETE"))
VARIANTS: list[Row] = [
    (identity_answers.EntityTagsOfEachRead, tags_of_two_reads, ['"1"', '"1"'], ['"1~1"', '"1~2"']),
    (identity_answers.KeySetHasOtherKeys, published, ["EC"], ["RSA", "OKP", "of-tomorrow", "EC"]),
    (identity_requests.UpdatesMustBeConditional, unconditional, [200, 404, 204], [428, 404, 204]),
    (identity_requests.UpdatesNameTheirVersion, unconditional, [200, 404, 204], [400, 404, 204]),
    (
        identity_requests.SlugsMadeOfNames,
        statuses(*(api(PROJECTS, "ct-full", "POST", json={"name": each}) for each in ("x", "é"))),
        [400, 400],
        [201, 409],
    ),
    (
        identity_requests.ClientsHaveOneMethod,
        lambda w: w.by_basic(basic("ct-full", w.secret())).status_code,
        200,
        401,
    ),
    (identity_answers.RegistryTokenBesideAnEmptyName, lambda w: w.registry().json()["access_token"] == "", False, True),
    (identity_answers.RegistryTokensOfAMinute, lambda w: "expires_in" in w.registry().json(), True, False),
    (identity_answers.RegistryTimesInSmallLetters, lambda w: w.registry().json()["issued_at"][-1], "Z", "z"),
    (
        identity_answers.RegistryTokensForOneService,
        lambda w: claims(w.registry().json()["token"])["aud"],
        "registry.test",
        "nextepoch-reference",
    ),
    (identity_answers.RegistryTokensOfShortQuestions, lambda w: w.registry(scope="a" * 2048).status_code, 200, 414),
    (identity_answers.ListsTellOfTheNextPage, lambda w: w.api(PROJECTS).json()["next"], None, "after 1/+="),
    (
        identity_requests.CreationsComeLater,
        statuses(created(slug="later"), api(f"{PROJECTS}/later")),
        [201, 200],
        [202, 404],
    ),
    (identity_requests.ChangesMustBeConditional, unconditional, [200, 404, 204], [428, 428, 428]),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"),
    CALLS + WRITES + VARIANTS,
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
