"""Defects in one way of asking show in the answers they name."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import by_one_way, neighbours
from tests.reference.identity_table import Look, Row, api, api_header
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World, basic

BAD = basic("ct-full", "x")


def by_basic(client_id: str, secret_of: str, **form: str) -> Look:
    """The status of a token request by Basic under some client id, with the secret of a client."""
    return lambda w: w.by_basic(basic(client_id, w.secret(secret_of)), **form).status_code


def deleted_with_more(w: World) -> int:
    """The status of a deletion under a token whose signature goes on."""
    return w.ask("DELETE", ATLAS, headers={"authorization": f"Bearer {w.bearer()}AAAA"}).status_code


def beside_basic(name: str, value: str = "") -> Look:
    """The status of a token request by Basic with a further parameter in the body."""
    return lambda w: w.by_basic(basic("ct-full", w.secret("ct-full")), **{name: value}).status_code


def by_get(w: World) -> int:
    """The status of a GET with the grant in its query and the credentials by Basic."""
    field = {"authorization": basic("ct-full", w.secret("ct-full"))}
    return w.ask("GET", "/oauth/token?grant_type=client_credentials", headers=field).status_code


OWN = "organization:read member:read project:read project:write"
COPY = {"if-none-match": '"1"'}


def opened_by_basic(revoked: bool) -> Look:
    """What a token by Basic opens, of a credential that was revoked behind it or was not."""

    def look(w: World) -> int:
        token = w.by_basic(basic("ct-full", w.secret("ct-full"))).json()["access_token"]
        if revoked:
            w.identity.revoke("ct-full")
        return w.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code

    return look


def first_behind_twenty(w: World) -> int:
    """What a token opens behind which twenty more were issued."""
    first, _ = w.bearer(), [w.bearer() for _ in range(20)]
    return w.ask("GET", ACME, headers={"authorization": f"Bearer {first}"}).status_code


def revoked_with_a_copy(w: World) -> int:
    """What the token of a revoked credential is answered on condition."""
    fields = COPY | {"authorization": f"Bearer {w.bearer()}"}
    w.identity.revoke("ct-full")
    return w.ask("GET", ATLAS, headers=fields).status_code


def challenged_without_credentials(w: World) -> bool:
    """Whether who shows no credentials is told how to."""
    told = {"content-type": "application/x-www-form-urlencoded"}
    reply = w.ask("POST", "/oauth/token", headers=told, content="grant_type=client_credentials")
    return "www-authenticate" in reply.headers


def made_there(w: World) -> int:
    """What another organization's credential is answered that creates what is there."""
    return w.api(PROJECTS, "ct-foreign", "POST", json={"slug": "atlas", "name": "x"}).status_code


def quoted(w: World) -> str:
    """What is answered to a form as JSON."""
    content, told = f'{{"client_secret": "{BAD}"}}', {"content-type": "application/json"}
    return w.ask("POST", "/oauth/token", headers=told, content=content).text


def emptied(w: World) -> str:
    """The description of a project behind an update to none."""
    return str(w.api(ATLAS, "ct-full", "PATCH", json={"description": ""}).json()["description"])


TABLE: list[Row] = [
    (by_one_way.TokenByGetAndBasic, by_get, 405, 200),
    (by_one_way.EmptySecretIsAMethod, beside_basic("client_secret"), 200, 400),
    (by_one_way.IdBesideBasicIsAMethod, beside_basic("client_id", "ct-full"), 200, 400),
    (by_one_way.EmptyIdIsAnotherClient, beside_basic("client_id"), 200, 400),
    (by_one_way.ScopesByBasicUnchecked, by_basic("ct-narrow", "ct-narrow", scope="project:write"), 400, 200),
    (by_one_way.ClientIdByBasicFolded, by_basic("CT-FULL", "ct-full"), 401, 200),
    (by_one_way.OtherSecretByBasicAccepted, by_basic("ct-full", "ct-narrow"), 401, 200),
    (neighbours.SignatureOfChangesNotVerified, deleted_with_more, 401, 204),
    (by_one_way.BasicFieldEchoed, lambda w: BAD in w.by_basic(BAD).text, False, True),
    (by_one_way.BodyOfNoTypeFails, api(ATLAS, method="PATCH", content=b"{}"), 400, 500),
    (by_one_way.EmptyPageFails, api(f"{PROJECTS}?limit=0"), 400, 500),
    (by_one_way.PageBeyondTheLastFails, api(f"{PROJECTS}?offset=1000000"), 200, 500),
    (by_one_way.RefusedAddressIsQuoted, lambda w: "y=z" in w.ask("GET", "/oauth/token?y=z").text, False, True),
    (by_one_way.RevokedTokenFindsNothingModified, revoked_with_a_copy, 401, 304),
    (by_one_way.ChallengeOfCredentialsAlone, challenged_without_credentials, True, False),
    (by_one_way.LongOrganizationCrashes, api(f"{ACME}{'x' * 300}"), 404, 500),
    (by_one_way.TakenSlugTellsStrangers, made_there, 404, 409),
    (by_one_way.TwentyTokensAtMost, first_behind_twenty, 200, 401),
    (by_one_way.TokensOfBasicOpenNothing, opened_by_basic(revoked=False), 200, 401),
    (by_one_way.TokensByBasicOutliveRevocation, opened_by_basic(revoked=True), 401, 200),
    (by_one_way.FourScopesAloneChecked, lambda w: w.token(scope=f"{OWN} cf:unknown").status_code, 400, 200),
    (by_one_way.OtherEncodingIsQuoted, lambda w: BAD in quoted(w), False, True),
    (
        by_one_way.NotModifiedMayBeShared,
        api_header("cache-control", ATLAS, headers=COPY),
        "no-store",
        "public, max-age=60",
    ),
    (by_one_way.EmptyTextsAreNotWritten, emptied, "", "Open to the whole organization"),
    (by_one_way.HugeOffsetFails, api(f"{PROJECTS}?offset=99999999999999999999"), 400, 500),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
