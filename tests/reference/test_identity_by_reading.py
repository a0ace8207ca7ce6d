"""Each defect and right way that reading the checks has thought of shows in the answer it names."""

from __future__ import annotations

import time
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import by_reading as defects
from conformance.reference.variants import identity_by_reading as variants
from tests.reference.identity_table import Look, Row, alterations_in, error, scope
from tests.reference.identity_world import ACME, ATLAS, PROJECTS, World, claims

UTC_MOMENT = "2026-03-01T00:00:00+00:00"
ROCKET = "\U0001f680"


def claim(name: str, **form: Any) -> Look:
    """A claim of a token, None without it."""
    return lambda w: claims(w.token(**form).json()["access_token"]).get(name)


def issued_long_ago(w: World) -> list[bool]:
    """Whether a new token, and the answer that has it, are of more than ten minutes ago."""
    answer = w.token()
    issued = claims(answer.json()["access_token"])["iat"]
    dated = parsedate_to_datetime(answer.headers.get("date", formatdate())).timestamp()
    return [time.time() - each > 600 for each in (issued, dated)]


def of_text(text: str) -> Look:
    """A text as it is read when it was written."""

    def look(w: World) -> Any:
        w.patch(description=text)
        return w.api(ATLAS).json()["description"]

    return look


def half_a_field(w: World) -> int:
    """What a creation is answered under a scheme without a token."""
    return w.ask("POST", PROJECTS, headers={"authorization": "Bearer"}).status_code


def of_rare_text(w: World) -> Any:
    """A text of four bytes as it is read; the status where it is not."""
    w.patch(description=ROCKET)
    answer = w.api(ATLAS)
    return answer.json()["description"] if answer.status_code == 200 else answer.status_code


def of_subject(w: World) -> tuple[str, int]:
    """Of what kind the subject of a token is, and what the token opens."""
    token = w.bearer()
    return type(claims(token)["sub"]).__name__, _opened(w, token)


def _opened(w: World, token: str) -> int:
    return w.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code


def around_revocation(w: World) -> list[int]:
    """What a token and a request for one are answered at once behind a revocation, and when that is known."""
    told, token = list[int](), w.bearer("ct-revocable")
    w.identity.revoke("ct-revocable")
    for wait_s in (0.0, variants.A_MOMENT_S + 0.1):
        time.sleep(wait_s)
        answer = w.token("ct-revocable")
        told += [answer.status_code, _opened(w, token)]
        token = answer.json().get("access_token", token)
    return told


def of_creation(**body: str) -> Look:
    """Whether a creation is answered with its id alone."""
    return lambda w: list(w.api(PROJECTS, "ct-full", "POST", json=body).json()) == ["id"]


def of_old_name(w: World) -> list[int]:
    """What a change of a slug is answered, and then the old path."""
    return [w.patch(slug="other").status_code, w.api(ATLAS).status_code]


def secret_shown(w: World) -> list[bool]:
    """Whether a creation shows a secret, and the reading behind it."""
    return ["client_secret" in each.json() for each in (w.create(), w.api(f"{PROJECTS}/made"))]


ALL = "organization:read member:read project:read project:write"
FIRST_AND_LAST = "organization:read project:write"
TABLE: list[Row] = [
    (defects.RolesOfTheRequestAreClaimed, claim("roles", roles="a b"), None, ["a", "b"]),
    (defects.SubjectIsANumber, of_subject, ("str", 200), ("int", 200)),
    (defects.RareTextIsLost, of_rare_text, ROCKET, None),
    (defects.RareTextCannotBeRead, of_rare_text, ROCKET, 404),
    (defects.MomentOfTextIsRead, of_text("2026-03-01T02:00:00+02:00"), "2026-03-01T02:00:00+02:00", UTC_MOMENT),
    (defects.FormulasMadeHarmless, of_text("=1"), "=1", "'=1"),
    (defects.HalfAFieldOfWritesCrashes, half_a_field, 401, 500),
    (defects.EmptyScopeIsTheLeast, scope(scope=""), ALL, "organization:read"),
    (variants.AnotherScopeIsGrantedToo, scope(scope="organization:read"), "organization:read", FIRST_AND_LAST),
    (variants.CreationMakesACredential, secret_shown, [False, False], [True, False]),
    (variants.CreationShowsASecret, secret_shown, [False, False], [True, False]),
    (variants.SecretsAreHiddenByAsterisks, secret_shown, [False, False], [True, True]),
    (variants.NamesAreObjects, lambda w: w.api(ATLAS).json()["name"], "Atlas", {"default": "Atlas"}),
    (variants.CreationTellsItsIdAlone, of_creation(name="x"), False, True),
    (variants.IdentityClockBehind, issued_long_ago, [False, False], [True, True]),
    (variants.ItemsCanBeRenamed, of_old_name, [400, 200], [200, 301]),
    (variants.ClientIdsHaveAForm, error(client_id="nobody"), (401, "invalid_client"), (400, "invalid_request")),
    (variants.RevocationIsKnownAMomentLater, around_revocation, [401, 401, 401, 401], [200, 200, 401, 401]),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_every_one_is_seen_to_differ() -> None:
    every = alterations_in(defects, variants)
    unseen = sorted(each.__name__ for each in every - {row[0] for row in TABLE} if each.surface)
    assert unseen == [], "each needs a row of TABLE: a look that it changes"
