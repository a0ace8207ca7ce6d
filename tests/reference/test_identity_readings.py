"""Defects in how a token request is read show in the answers they name."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import readings
from conformance.reference.seeds import SCOPES
from tests.reference.identity_table import Look, Row, error, scope, token
from tests.reference.identity_world import PROJECTS, World, basic

READ, ALL = "organization:read", " ".join(SCOPES)
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def with_more(raw: bytes) -> Look:
    """The scope that is granted where bytes stand behind a good form that asks for one."""

    def look(w: World) -> Any:
        form = f"grant_type=client_credentials&client_id=ct-full&client_secret={w.secret()}&scope={READ}"
        answer = w.token(raw=form.encode() + raw)
        return answer.json()["scope"] if answer.status_code == 200 else answer.status_code

    return look


def id_in_query(w: World) -> int:
    return w.token(client_id=None, query="?client_id=ct-full", client_secret=w.secret()).status_code


def with_id(w: World, client_id: str) -> int:
    """The status of a request with ct-full's secret under another id."""
    return w.token(client_id=client_id, client_secret=w.secret()).status_code


def name_of_a_twice_named(w: World) -> Any:
    """Status and name in the answer to a project's creation whose body has two names, and the name it has then."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {w.bearer()}"}
    answer = w.ask("POST", PROJECTS, content=b'{"slug":"aa","name":"a","name":"b"}', headers=headers)
    return answer.status_code, answer.json().get("name"), w.api(f"{PROJECTS}/aa").json().get("name")


TABLE: list[Row] = [
    (readings.RepeatedMemberAccepted, name_of_a_twice_named, (400, None, None), (201, "a", "b")),
    (readings.ListTakenForSecret, token(**{"client_secret": None, "client_secret[]": "x"}), 401, 200),
    (readings.ConditionTakenForSecret, token(**{"client_secret": None, "client_secret[$ne]": "x"}), 401, 200),
    (
        readings.BasicPasswordCutAtColon,
        lambda w: w.by_basic(basic("ct-full", f"{w.secret()}:x")).status_code,
        401,
        200,
    ),
    (readings.AccentsInClientIdIgnored, lambda w: with_id(w, "ct-full\u0301"), 401, 200),
    (readings.ClientIdNormalised, lambda w: with_id(w, "ct-\uff46ull"), 401, 200),
    (readings.FormDecodedTwice, lambda w: with_id(w, "ct%2Dfull"), 401, 200),
    (readings.ParameterNamesFolded, with_more(b"&SCOPE=member:read"), READ, "member:read"),
    (readings.ParameterNamesTidied, with_more(b"&scope[]=member:read"), READ, "member:read"),
    (readings.SemicolonSeparatesParameters, with_more(b"&x=1;scope=member:read"), READ, "member:read"),
    (readings.DecodedBeforeItIsSplit, with_more(b"&x=1%26scope%3Dmember:read"), READ, 400),
    (readings.ClientIdReadFromQuery, id_in_query, 400, 200),
    (readings.GrantTypeTrimmed, error(grant_type="client_credentials "), (400, "unsupported_grant_type"), (200, None)),
    (readings.ExtensionGrantsGiveOwnToken, token(grant_type=EXCHANGE), 400, 200),
    (readings.BlankScopeIsEverything, scope(client_id="ct-narrow", scope="  "), 400, ALL),
    (readings.LastScopeAloneChecked, token(client_id="ct-narrow", scope=f"member:read {READ}"), 400, 200),
    (readings.ScopeFoundByItsBeginning, scope(scope="organization"), 400, READ),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
