"""Defects in how bodies come and answers go show in the answers they name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import unreadable
from conformance.reference.variants import identity_requests, in_front
from tests.reference.identity_table import Look, Row, api, created, statuses
from tests.reference.identity_world import ATLAS, PROJECTS, World

JSON: dict[str, Any] = {"content-type": "application/json"}
AT_ONCE: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "updated": [("PATCH", {"json": {"name": "x"}}), ("DELETE", {})],
    "deleted": [("DELETE", {}), ("DELETE", {})],
}


def sent(body: bytes = b"{}", method: str = "PATCH", **fields: Any) -> Look:
    """The status of an update whose body is said to be something."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return api(ATLAS, "ct-full", method, content=body, headers=named)


def at_once(name: str) -> Look:
    """The statuses of changes of one item at one moment."""

    def look(w: World) -> list[int]:
        bearer = {"headers": {"authorization": f"Bearer {w.bearer()}"}}
        return sorted(
            each.status_code for each in w.at_once([(method, ATLAS, bearer | more) for method, more in AT_ONCE[name]])
        )

    return look


def in_chunks(w: World) -> int:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"slug": "of-chunks", "name": "x"}'

    return w.api(PROJECTS, "ct-full", "POST", content=parts(), headers=JSON).status_code


def coded(path: str) -> Look:
    def look(w: World) -> list[Any]:
        answer = w.api(path, headers={"accept-encoding": "gzip"})
        return [answer.content[:1] == b"{", answer.headers.get("content-encoding")]

    return look


def refused_token(w: World) -> int:
    """How much of the token a refusal tells, forty characters at most."""
    return len(w.api(PROJECTS, "ct-narrow").headers.get("x-refused-token", "")[:40])


def said(w: World) -> str:
    return w.create(slug="-").text


def begun_with_a_mark(w: World) -> int:
    """The status of an update whose body begins with a byte order mark."""
    return w.api(ATLAS, "ct-full", "PATCH", content=b'\xef\xbb\xbf{"name": "x"}', headers=JSON).status_code


TABLE: list[Row] = [
    (unreadable.NamedCodingCrashesUpdates, sent(**JSON, content_encoding="gzip"), 200, 500),
    (unreadable.ByteOrderMarkCrashes, begun_with_a_mark, 400, 500),
    (unreadable.ProgramWithoutNameCrashes, api(ATLAS, headers={"user-agent": ""}), 200, 500),
    (unreadable.UnknownCharsetCrashes, sent(content_type="application/json; charset=cf"), 200, 500),
    (unreadable.PartsWithoutBoundaryCrash, sent(content_type="multipart/form-data"), 400, 500),
    (unreadable.HalfATypeCrashes, sent(content_type="json"), 400, 500),
    (unreadable.ApiMediaTypesByTheLetter, sent(content_type="application/json;charset=utf-8"), 200, 400),
    (unreadable.ChunkedWriteIsEmpty, in_chunks, 201, 400),
    (unreadable.HeadFindsTheAbsent, api(f"{PROJECTS}/none", "ct-full", "HEAD"), 404, 200),
    (unreadable.AnythingBelowAnItemIsTheItem, api(f"{ATLAS}/below"), 404, 200),
    (unreadable.LongSlugCrashes, created(slug="x" * 256, name="x"), 400, 500),
    (unreadable.UpdateOfTheVanishedCrashes, at_once("updated"), [200, 204], [204, 500]),
    (unreadable.SecondDeletionAtOnceCrashes, at_once("deleted"), [204, 404], [204, 500]),
    (unreadable.DeletionWithALengthRefused, api(ATLAS, "ct-full", "DELETE", headers={"content-length": "0"}), 204, 400),
    (unreadable.ProblemToldAs400, lambda w: w.api(f"{PROJECTS}/none").json().get("status"), None, 400),
    (unreadable.PageOfAnErrorCrashes, api(f"{PROJECTS}/none", headers={"accept": "text/html"}), 404, 500),
    (unreadable.TypeOfNothingCrashes, api(ATLAS, headers=JSON), 200, 500),
    (unreadable.TraceReflectsToken, api(ATLAS, "ct-full", "TRACE"), 405, 200),
    (unreadable.RefusalTellsMostOfToken, refused_token, 0, 40),
    (unreadable.ErrorNamesALine, lambda w: ".rb:31" in said(w), False, True),
    (unreadable.ErrorNamesAFrame, lambda w: "line 12" in said(w), False, True),
    (unreadable.ErrorNamesAnException, lambda w: "Exception" in said(w), False, True),
    (unreadable.ErrorNamesTheDatabase, lambda w: "dial tcp" in said(w), False, True),
]
OTHERS: list[Row] = [
    (identity_requests.WritesMustHaveALength, statuses(in_chunks, sent(**JSON)), [201, 200], [411, 200]),
    (identity_requests.UnreadableBodiesAreUnsupported, sent(**JSON, content_encoding="gzip"), 200, 415),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE + OTHERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_codings() -> None:
    for alteration, path, told in (
        (unreadable.CodingNotTold, ATLAS, [False, None]),
        (unreadable.CodingToldOnly, f"{PROJECTS}/none", None),
        (unreadable.CodingOfListsToldOnly, PROJECTS, None),
        (in_front.AnswersCompressedWhereAsked, ATLAS, [True, "gzip"]),
    ):
        assert coded(path)(World()) == [True, None]
        if told:
            assert coded(path)(World(alteration)) == told
