"""Defects in what callers are told show in the answers they name."""

from __future__ import annotations

from typing import Any

import pytest
from jwt import get_unverified_header

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import told
from tests.reference.identity_table import Look, Row, api, api_header, header, member, patched
from tests.reference.identity_world import ATLAS, KEY, PROJECTS, World, claims

PAGES = {"accept": "text/html, */*; q=.2"}
KEYS = "/.well-known/jwks.json"
CHALLENGE = "www-authenticate"
REFUSED = 'Bearer realm="reference", error='


def with_ended_token(w: World) -> str | None:
    """The challenge for a token that has expired."""
    ended = claims(w.bearer()) | {"exp": 1}
    answer = w.ask("GET", ATLAS, headers={"authorization": f"Bearer {KEY.sign(ended, typ='at+jwt')}"})
    challenge: str | None = answer.headers.get(CHALLENGE)
    return challenge


def deleted_and_updated(w: World) -> list[int]:
    """Statuses of a deletion and an update of one item at one moment, and of reading it afterwards."""
    sent = {"headers": {"authorization": f"Bearer {w.bearer()}"}}
    both = w.at_once([("PATCH", ATLAS, sent | {"json": {"name": "x"}}), ("DELETE", ATLAS, sent)])
    return [*(answer.status_code for answer in both), w.api(ATLAS).status_code]


def with_two_blanks(w: World) -> int:
    return w.ask("GET", ATLAS, headers={"authorization": f"Bearer  {w.bearer()}"}).status_code


def of_text(method: str) -> Look:
    """The status of a JSON object that is called text."""
    return api(ATLAS, "ct-full", method, content=b"{}", headers={"content-type": "text/plain"})


def published(w: World) -> dict[str, str]:
    """The published key."""
    return dict(w.ask("GET", KEYS).json()["keys"][0])


TABLE: list[Row] = [
    (
        told.ChallengeOfReadsAlone,
        api_header(CHALLENGE, PROJECTS, None, method="POST"),
        'Bearer realm="reference"',
        None,
    ),
    (
        told.LackingScopeToWriteNamesNoError,
        api_header(CHALLENGE, ATLAS, method="DELETE", scope="member:read"),
        REFUSED + '"insufficient_scope", scope="project:write"',
        'Bearer realm="reference", scope="project:write"',
    ),
    (
        told.ChallengeNamesScopeToRead,
        api_header(CHALLENGE, ATLAS, method="DELETE", scope="member:read"),
        REFUSED + '"insufficient_scope", scope="project:write"',
        REFUSED + '"insufficient_scope", scope="project:read"',
    ),
    (
        told.ChallengeNamesScopeOtherwise,
        api_header(CHALLENGE, ATLAS, method="DELETE", scope="member:read"),
        REFUSED + '"insufficient_scope", scope="project:write"',
        REFUSED + '"insufficient_scope", scope="project.write"',
    ),
    (told.ExpiredTokenHasOwnCode, with_ended_token, REFUSED + '"invalid_token"', REFUSED + '"token_expired"'),
    (told.TimesAreText, lambda w: isinstance(claims(w.bearer())["exp"], str), False, True),
    (told.MalformedCopyFails, api(ATLAS, headers={"if-none-match": '"'}), 200, 500),
    (told.MalformedConditionOfAnUpdateFails, patched({"if-match": '"'}, name="x"), 409, 500),
    (told.LifetimeStatedIsEverybodys, member("expires_in", client_id="ct-short"), 1, 3600),
    (told.KeyOfAnotherName, lambda w: published(w)["kid"] == KEY.key_id, True, False),
    (told.KeyForAnotherAlgorithm, lambda w: published(w)["alg"], "ES256", "ES384"),
    (told.SubjectOfTokensIsOne, lambda w: claims(w.bearer())["sub"], "ct-full", "service-account"),
    (told.PageForBrowsers, header("content-type", grant_type="x", headers=PAGES), "application/json", "text/html"),
    (told.TwoBlanksAreNone, with_two_blanks, 200, 401),
    (told.ChallengeForBasicAlone, lambda w: CHALLENGE in w.token(client_secret="x").headers, True, False),
    (told.KeyIsPadded, lambda w: published(w)["x"][-1] == "=", False, True),
    (told.SignatureIsPadded, lambda w: w.bearer()[-1] == "=", False, True),
    (told.KeyIsInItsTokens, lambda w: "jwk" in get_unverified_header(w.bearer()), False, True),
    (told.KeyHasAnOctetForItsSign, lambda w: len(w.ask("GET", KEYS).json()["keys"]), 1, 2),
    (told.ShortKeyPublished, lambda w: len(w.ask("GET", KEYS).json()["keys"]), 1, 2),
    (told.RefusedMethodIsHtml, api_header("content-type", ATLAS, method="PUT"), "application/json", "text/html"),
    (told.RefusedMethodShowsTheProgram, lambda w: "/srv/" in w.api(ATLAS, method="PUT").text, False, True),
    (told.ContentTypeOfUpdatesIgnored, of_text("PATCH"), 400, 200),
    (told.UpdateBringsDeletedBack, deleted_and_updated, [200, 204, 404], [200, 204, 200]),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
