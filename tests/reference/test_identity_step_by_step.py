"""Each defect that only the next step shows differs in the answer it names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import step_by_step as defects
from tests.reference.identity_table import Look, Row, alterations_in, api, api_header, token
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World

DEFLATE = {"accept-encoding": "deflate"}


def secret_shown(w: World) -> list[bool]:
    """Whether a creation shows a secret, and the reading behind it."""
    return ["client_secret" in each.json() for each in (w.create(), w.api(f"{PROJECTS}/made"))]


def length_of_not_modified(w: World) -> Any:
    """The length that 304 states."""
    etag = w.api(ATLAS).headers["etag"]
    return w.api(ATLAS, headers={"if-none-match": etag}).headers.get("content-length")


def changed_behind(refuse: Callable[[World], Any]) -> Look:
    """What an update of the version that was read before something was refused is answered."""

    def look(w: World) -> int:
        etag = w.api(ATLAS).headers["etag"]
        refuse(w)
        return w.patch(headers={"if-match": etag}, description="x").status_code

    return look


def stale(w: World) -> Any:
    return w.patch(headers={"if-match": '"0"'}, description="y")


def updated_if(etag: str) -> Look:
    """What an update on this condition is answered."""
    return lambda w: w.patch(headers={"if-match": etag}, description="x").status_code


def updated_by_another_token(w: World) -> int:
    etag = w.api(ATLAS).headers["etag"]
    return w.patch(headers={"if-match": etag}, description="x").status_code


def used_behind(refuse: Callable[[World], Any], client_id: str) -> Look:
    """What a token is answered behind what was refused to its client."""

    def look(w: World) -> int:
        headers = {"authorization": f"Bearer {w.bearer(client_id)}"}
        refuse(w)
        return w.ask("GET", ACME, headers=headers).status_code

    return look


def too_many(w: World) -> None:
    for _ in range(11):
        w.token("ct-limited")


def wrongly(w: World) -> Any:
    return w.token(client_secret="x")


def made_again_hidden(w: World) -> list[int]:
    """What another reads of a name, and of what is hidden and bears it next."""
    w.create()
    told = [w.api(f"{PROJECTS}/made", "ct-outsider").status_code]
    w.api(f"{PROJECTS}/made", "ct-full", "DELETE")
    w.create(members=["ct-full"])
    return [*told, w.api(f"{PROJECTS}/made", "ct-outsider").status_code]


def changed_by_its_member(w: World) -> int:
    w.create(members=["ct-full", "ct-viewer"])
    return w.patch(f"{PROJECTS}/made", "ct-viewer", description="x").status_code


def made_again(w: World) -> int:
    """What is read a while later of what was made again."""
    w.create()
    w.api(f"{PROJECTS}/made", method="DELETE")
    w.create()
    time.sleep(defects.CLEANED_S + 0.1)
    return w.api(f"{PROJECTS}/made").status_code


def page_of(address: str) -> Look:
    """Whether the markup of an address stands in the page of an error."""
    return lambda w: "<b>" in w.api(address, headers={"accept": "text/html"}).text


def of_no_members(w: World) -> int:
    w.create(members=[])
    return w.api(f"{PROJECTS}/made").status_code


def deleted_credential(w: World) -> list[Any]:
    """What a credential that was created, and its token, are answered behind its deletion."""
    made = w.create().json()
    client_id, form = made.get("client_id", "x"), {"client_secret": made.get("client_secret", "x"), "scope": None}
    bearer = w.token(client_id, **form).json().get("access_token", "x")
    w.api(f"{PROJECTS}/made", method="DELETE")
    opened = w.ask("GET", ACME, headers={"authorization": f"Bearer {bearer}"})
    return [w.token(client_id, **form).status_code, opened.status_code]


TABLE: list[Row] = [
    (defects.DeletedCredentialGetsTokens, deleted_credential, [401, 401], [200, 200]),
    (defects.TokensOutliveTheirCredential, deleted_credential, [401, 401], [401, 200]),
    (defects.HiddenFoundByAnotherWidth, api(f"{PROJECTS}/%EF%BD%93ecret-lab", "ct-outsider"), 404, 200),
    (defects.EmptyListIsNobody, of_no_members, 200, 404),
    (defects.DeletionComesAgain, made_again, 200, 404),
    (defects.NameDecodedTwice, api(f"{PROJECTS}/%2561tlas"), 404, 200),
    (defects.PageRepeatsMarkup, page_of(f"{ACME}/%3Cb%3E"), False, True),
    (defects.DeflatedWithoutItsWrapper, api_header("content-encoding", ATLAS, headers=DEFLATE), None, "deflate"),
    (defects.NameKeepsItsReaders, made_again_hidden, [200, 404], [200, 200]),
    (defects.MembersMayWrite, changed_by_its_member, 403, 200),
    (defects.WrongSecretEndsTokens, used_behind(wrongly, "ct-full"), 200, 401),
    (defects.HasteEndsTokens, used_behind(too_many, "ct-limited"), 200, 401),
    (defects.ParameterOfEveryObjectCrashes, token(constructor="x"), 200, 500),
    (defects.AnyCopyIsNone, api(ATLAS, headers={"if-none-match": "*"}), 304, 200),
    (defects.EntityTagsOfOneToken, updated_by_another_token, 200, 409),
    (defects.NothingInIfMatchIsAVersion, updated_if(', "1"'), 200, 409),
    (defects.RefusedCreationTouches, changed_behind(lambda w: w.create(slug="atlas")), 200, 409),
    (defects.RefusedUpdateLeavesALock, changed_behind(stale), 200, 409),
    (defects.EntityTagsWithoutQuotes, api_header("etag", ATLAS), '"1"', "1"),
    (defects.NotModifiedIsOfLengthNought, length_of_not_modified, None, "0"),
    (defects.SecretShownAgain, secret_shown, [False, False], [True, True]),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_every_one_is_seen_to_differ() -> None:
    unseen = sorted(each.__name__ for each in alterations_in(defects) - {row[0] for row in TABLE} if each.surface)
    assert unseen == [], "each needs a row of TABLE: a look that it changes"
