"""Defects that leave a way round show in the answers they name."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from starlette.datastructures import Headers

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import ways_round
from conformance.reference.http import Request
from conformance.reference.seeds import SCOPES
from tests.reference.identity_table import Look, Row, api, scope, statuses, token
from tests.reference.identity_world import ACME, ATLAS, GLOBEX, PROJECTS, World, claims

VAULT, NOTHING = f"{GLOBEX}/projects/globex-vault", f"{GLOBEX}/projects/nothing"


def shown(method: str, client_id: str | None = "ct-full", **details: Any) -> Look:
    """Whether a method shows the project."""
    return lambda w: '"atlas"' in w.api(ATLAS, client_id, method, **details).text


def up_from_an_open_path(w: World) -> int:
    request = Request("GET", f"/.well-known/..{ACME}", "", Headers(), b"")
    return asyncio.run(w.application.alterations.answer(request)).status


def without_a_blank(w: World) -> int:
    return w.ask("GET", ACME, headers={"authorization": f"Bearer{w.bearer()}"}).status_code


def chunked(w: World) -> int:
    return w.token(headers={"transfer-encoding": "chunked"}).status_code


def issued(**form: Any) -> Look:
    """Whether an answer carries a token."""
    return lambda w: "access_token" in w.token(**form).text


def after_eleven_failures(w: World) -> int:
    for _ in range(11):
        w.token("ct-narrow", client_secret="x")
    return w.token().status_code


def type_of_token(w: World) -> str:
    part = w.bearer().split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["typ"])


def claimed_and_enforced(w: World) -> tuple[bool, int, int]:
    narrow = w.bearer(scope="project:read")
    return "scope" in claims(narrow), *statuses(api(PROJECTS, scope="project:read"), api(ACME, scope="project:read"))(w)


TABLE: list[Row] = [
    (ways_round.OptionsServeTheProject, shown("OPTIONS", None), False, True),
    (ways_round.UnknownMethodNeedsNoScope, shown("TRACE", scope="member:read"), False, True),
    (ways_round.DotsAndParameterAreUnguarded, api("/api/v1/organizations/x/..;/acme", None), 401, 200),
    (ways_round.DotsEncodedTwiceAreUnguarded, api("/api/v1/organizations/x/%252e%252e/acme", None), 401, 200),
    (ways_round.DotBehindIsUnguarded, api("/api/v1/organizations/acme.", None), 401, 200),
    (ways_round.DoubleSlashIsUnguarded, api(f"{ACME}".replace("/acme", "//acme"), None), 401, 200),
    (
        ways_round.SubrequestFieldSkipsGuard,
        api(ACME, None, headers={"x-middleware-subrequest": "middleware"}),
        401,
        200,
    ),
    (ways_round.InternalFieldSkipsGuard, api(ACME, None, headers={"x-internal": "1"}), 401, 200),
    (ways_round.DotsBehindAnOpenPathAreUnguarded, up_from_an_open_path, 404, 200),
    (ways_round.PathOfAFieldServed, api("/", None, headers={"x-original-url": ACME}), 404, 200),
    (ways_round.OpenPathInTheQueryIsOpen, api(f"{ACME}?to=/.well-known/jwks.json", None), 401, 200),
    (ways_round.BlankBehindTheSchemeOptional, without_a_blank, 401, 200),
    (ways_round.ForeignProjectToldFromAbsent, statuses(api(VAULT), api(NOTHING)), [404, 404], [403, 404]),
    (ways_round.ForeignTokenCalledInvalid, api(ACME, "ct-foreign"), 404, 401),
    (ways_round.ChunkedTokenRequestRefused, chunked, 200, 400),
    (ways_round.ChunkedTokenRequestAnsweredEmpty, issued(headers={"transfer-encoding": "chunked"}), True, False),
    (ways_round.QueryAnsweredWithoutToken, issued(query="?x=1"), True, False),
    (ways_round.FailuresLockEverybodyOut, after_eleven_failures, 200, 401),
    (ways_round.WildcardScopeWidens, scope(client_id="ct-narrow", scope="*"), 400, " ".join(SCOPES)),
    (ways_round.ScopesBehindACommaUnchecked, token(scope="project:read,project:write"), 400, 200),
    (ways_round.SecretMayBeTheId, token(client_secret="ct-full"), 401, 200),
    (
        ways_round.UpdateTakesTheNameOfAnother,
        statuses(lambda w: w.patch(slug="secret-lab").status_code, api(ATLAS)),
        [400, 200],
        [200, 404],
    ),
    (ways_round.ProjectsReadByTheirBeginning, api(ATLAS[:-1]), 404, 200),
    (ways_round.TypeIsPlainJwt, type_of_token, "at+jwt", "JWT"),
    (ways_round.ScopeClaimOfAnotherName, claimed_and_enforced, (True, 200, 403), (False, 200, 403)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
