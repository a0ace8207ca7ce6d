"""Each defect by which a second name, reader or method is let through shows in the answer it names."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import second_ways as defects
from conformance.reference.seeds import ORGANIZATION
from tests.reference.identity_table import Look, Row, alterations_in
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World, basic, claims

# {"alg":"none"} and {"sub":"ct-full"}
UNSIGNED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjdC1mdWxsIn0."
HIDDEN = "secret-lab"


def listed_behind(w: World) -> bool:
    """Whether a list shows what is hidden from its reader, behind one to whom it is shown."""
    w.api(PROJECTS)
    return HIDDEN in w.api(PROJECTS, "ct-outsider").text


def by_its_id(w: World) -> int:
    hidden = w.identity.organizations[ORGANIZATION].projects[HIDDEN]
    return w.api(f"{PROJECTS}/{defects.id_of(hidden)}", "ct-outsider").status_code


def file_behind(w: World) -> list[int]:
    """What a file behind a path is answered with a token, and then without one."""
    return [w.api(f"{ACME}/members/x.css", who).status_code for who in ("ct-full", None)]


def above_the_limit(w: World) -> list[int]:
    """What is answered above the limit, and then by another spelling of the path."""
    told = [w.token("ct-limited").status_code for _ in range(11)][-1:]
    content = f"grant_type=client_credentials&client_id=ct-limited&client_secret={w.secret('ct-limited')}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return [*told, w.ask("POST", "/oauth/t%6Fken", content=content, headers=headers).status_code]


def above_the_limit_by_basic(w: World) -> list[int]:
    """What is answered above the limit, and then to the same client by Basic."""
    told = [w.token("ct-limited").status_code for _ in range(11)][-1:]
    return [*told, w.by_basic(basic("ct-limited", w.secret("ct-limited"))).status_code]


def claimed_by_basic(w: World) -> str:
    """The claim scope of a token that was asked for by Basic, for one scope."""
    answer = w.by_basic(basic("ct-full", w.secret()), scope="member:read")
    return str(claims(answer.json()["access_token"])["scope"])


def by_assertion(w: World) -> int:
    return w.token(client_secret=None, client_assertion=UNSIGNED).status_code


def listed_as_a_table(w: World) -> bool:
    """Whether a list to be saved shows what is hidden from its reader."""
    return HIDDEN in w.api(PROJECTS, "ct-outsider", headers={"accept": "text/csv"}).text


def head_before_and_behind_an_update(w: World) -> bool:
    """Whether HEAD tells one entity tag before an update and behind it."""
    fields = {"authorization": f"Bearer {w.bearer()}"}
    before = w.ask("HEAD", ATLAS, headers=fields).headers["etag"]
    w.patch(description="another")
    return before == w.ask("HEAD", ATLAS, headers=fields).headers["etag"]


def behind_a_creation_of_its_id(w: World) -> list[int]:
    """What a creation with the id of a project is answered, and then that project."""
    atlas = w.identity.organizations[ORGANIZATION].projects["atlas"]
    return [w.create(id=defects.id_of(atlas)).status_code, w.api(ATLAS).status_code]


TABLE: list[Row] = [
    (defects.HeadKeptForAWhile, head_before_and_behind_an_update, False, True),
    (defects.TableHasHidden, listed_as_a_table, False, True),
    (defects.CreationTakesTheIdSent, behind_a_creation_of_its_id, [400, 200], [201, 404]),
    (defects.ListKeptForTheNextReader, listed_behind, False, True),
    (defects.HiddenProjectShownByItsId, by_its_id, 404, 200),
    (defects.FilesKeptForEverybody, file_behind, [404, 401], [200, 200]),
    (defects.UnknownMethodsRead, lambda w: w.ask("PROPFIND", ACME).status_code, 401, 200),
    (defects.LimitCountsByPath, above_the_limit, [429, 429], [429, 200]),
    (defects.LimitOfEachMethod, above_the_limit_by_basic, [429, 429], [429, 200]),
    (
        defects.BasicClaimsEveryScope,
        claimed_by_basic,
        "member:read",
        "organization:read member:read project:read project:write",
    ),
    (defects.UnsignedAssertionProves, by_assertion, 401, 200),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_every_one_is_seen_to_differ() -> None:
    assert {each for each in alterations_in(defects) if each.surface} == {row[0] for row in TABLE}
