"""Defects that services were released with show in the answers they name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import let_through, read_otherwise
from conformance.reference.http import Answer, Request
from tests.reference.identity_table import Look, Row, api, api_header
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World, basic

SOME_DAY = {"if-modified-since": "Mon, 03 Jan 2000 00:00:00 GMT"}


def field(name: str, value: str) -> Look:
    """The status of a read without a token, under a field."""
    return api(ACME, None, headers={name: value})


def wanting(accept: str) -> Look:
    """The status of the owner's read with an Accept."""
    return api(ACME, headers={"accept": accept})


def stored(text: str) -> Look:
    """The description that a creation with this text shows."""
    return lambda w: w.create(description=text).json()["description"]


def asked(method: str, path: str, *, client_id: str | None = "ct-full", **fields: str) -> Look:
    """The answer to a path that clients would tidy, as it goes to the wire."""

    def look(w: World) -> Answer:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        if client_id:
            given["authorization"] = f"Bearer {w.bearer(client_id)}"
        return asyncio.run(w.application.alterations.answer(Request(method, path, "", Headers(given), b"")))

    return look


def spelled(path: str) -> Look:
    """The status of a read without a token by a path that clients would tidy."""
    return lambda w: asked("GET", path, client_id=None)(w).status


def behind(method: str, path: str, **fields: str) -> Look:
    """The status of an answer, and what comes behind its head."""

    def look(w: World) -> tuple[int, bytes]:
        answer = asked(method, path, **fields)(w)
        return answer.status, answer.astray

    return look


def by_basic(*words: str) -> Look:
    """The status of a read with the token as a name, or as a password."""

    def look(w: World) -> int:
        name, password = (each.replace("{token}", w.bearer()) for each in words)
        return w.ask("GET", ACME, headers={"authorization": basic(name, password)}).status_code

    return look


def made_anew(w: World) -> Any:
    w.api(ATLAS, method="DELETE")
    return w.create(slug="atlas", name="Another").json()["name"]


def head_of_the_deleted(w: World) -> int:
    w.api(ATLAS, method="DELETE")
    return w.api(ATLAS, method="HEAD").status_code


def list_not_modified(w: World) -> int:
    """The status of a list that has another text, to who has what it was."""
    etag = w.api(PROJECTS).headers.get("etag", '"none"')
    w.patch(name="Another")
    return w.api(PROJECTS, headers={"if-none-match": etag}).status_code


def kept(slug: str) -> Look:
    return lambda w: w.create(slug=slug).json()["slug"]


TABLE: list[Row] = [
    (let_through.ForwardedSkipsGuard, field("forwarded", "for=127.0.0.1"), 401, 200),
    (let_through.ForwardedHostSkipsGuard, field("x-forwarded-host", "localhost"), 401, 200),
    (let_through.CertificateOfAFieldSkipsGuard, field("x-ssl-client-verify", "SUCCESS"), 401, 200),
    (let_through.PageNeedsNoToken, field("accept", "text/html"), 401, 200),
    (let_through.ScriptNeedsNoToken, field("accept", "text/javascript"), 401, 200),
    (let_through.DateComparedBeforeAccess, api(ACME, None, headers=SOME_DAY), 401, 304),
    (let_through.DecodedAgainBehindTheGuard, spelled(ACME.replace("/acme", "/%2561cme")), 401, 200),
    (let_through.AnythingBehindTheTokenEndpointIsOpen, spelled(f"/oauth/token/../..{ACME}"), 404, 200),
    (
        let_through.EncodedDotsBehindTheTokenEndpointAreOpen,
        spelled(f"/oauth/token/%2e%2e/%2e%2e{ACME}"),
        404,
        200,
    ),
    (let_through.LettersNormalisedBehindTheGuard, spelled(ACME.replace("/acme", "/%EF%BD%81cme")), 401, 200),
    (let_through.OrganizationsNamedTogether, api(f"{ACME},globex"), 404, 200),
    (let_through.StarIsEveryOrganization, api(ACME.replace("acme", "*")), 404, 200),
    (let_through.NullIsAnyOrganization, api(ACME.replace("acme", "null")), 404, 200),
    (let_through.TokenTakenForALogin, by_basic("{token}", "x"), 401, 200),
    (let_through.TokenTakenForAPassword, by_basic("x", "{token}"), 401, 200),
    (read_otherwise.RangeOfTypesUnknown, wanting("application/*"), 200, 406),
    (read_otherwise.WeightTakenForThePartOfAType, wanting("application/json;q=0.9"), 200, 406),
    (read_otherwise.WantedTypeComparedWithCase, wanting("APPLICATION/JSON"), 200, 406),
    (read_otherwise.OneTypeWantedAtATime, wanting("image/webp, */*"), 200, 406),
    (
        read_otherwise.TokenInXmlWhereTaken,
        lambda w: w.token(headers={"accept": "application/xml"}).headers["content-type"],
        "application/json",
        "application/xml",
    ),
    (
        read_otherwise.AnswersCompressedUnasked,
        lambda w: w.token(headers={"accept-encoding": "identity"}).headers.get("content-encoding"),
        None,
        "gzip",
    ),
    (read_otherwise.EntityTagOfListIsItsLength, list_not_modified, 200, 304),
    (read_otherwise.EntityTagOfListIsItsLength, api_header("etag", PROJECTS), None, '"2"'),
    (read_otherwise.UnchangedSinceAnyDay, api(ATLAS, headers=SOME_DAY), 200, 304),
    (read_otherwise.DeletedComesBackWithItsName, made_anew, "Another", "Atlas"),
    (let_through.HeadFindsTheDeleted, head_of_the_deleted, 404, 200),
    (read_otherwise.DeletionIsFollowedByAnObject, behind("DELETE", ATLAS), (204, b""), (204, b"{}")),
    (read_otherwise.HeadIsFollowedByContent, behind("HEAD", ATLAS), (200, b""), (200, b"{}")),
    (read_otherwise.NotModifiedIsFollowedByContent, behind("GET", ATLAS, if_none_match="*"), (304, b""), (304, b"{}")),
    (
        read_otherwise.DeletionTellsALength,
        lambda w: asked("DELETE", ATLAS)(w).headers.get("content-length"),
        None,
        "0",
    ),
    (read_otherwise.LineEndsOfTextsMadeAlike, stored("a\r\nb"), "a\r\nb", "a\nb"),
    (read_otherwise.ElementsOfTextsLost, stored("<b>a</b>"), "<b>a</b>", "a"),
    (read_otherwise.PlaceholdersOfTextsFilled, stored("a{{b}}${c}"), "a{{b}}${c}", "a"),
    (read_otherwise.UnseenOfTextsLost, stored("a\u00a0b"), "a\u00a0b", "a b"),
    (read_otherwise.WordOfTextIsNothing, stored("null"), "null", ""),
    (read_otherwise.NumberOfTextIsRead, stored("0070.10"), "0070.10", "70.1"),
    (read_otherwise.HyphensOfSlugsJoined, kept("a--b"), "a--b", "a-b"),
    (read_otherwise.SlugsCutAtForty, kept("x" * 41), "x" * 41, "x" * 40),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
