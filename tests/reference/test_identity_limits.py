"""What a service lets one have at a time, and when what is done is seen: each variant shows."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.variants import identity_limits
from tests.reference.identity_table import Look, Row, patched
from tests.reference.identity_world import ATLAS, PROJECTS, World


def created_many(w: World) -> int:
    """The status of the last of some creations."""
    return [w.create(slug=f"more-{number}").status_code for number in range(20)][-1]


def of_an_update(w: World) -> tuple[int, str]:
    """The status of an update, and what is read behind it."""
    return patched(name="Later")(w), w.api(ATLAS).json()["name"]


def listed_behind_a_list(w: World) -> int:
    """How many are told by a list that is read behind a creation, and was read before it."""
    w.api(PROJECTS)
    w.create(slug="more")
    return int(w.api(PROJECTS).json()["total"])


def asked_at_once(w: World) -> list[int]:
    """What three requests of one client are answered that come at one moment."""
    form = {"grant_type": "client_credentials", "client_id": "ct-full", "client_secret": w.secret()}
    return sorted(each.status_code for each in w.at_once([("POST", "/oauth/token", {"data": form})] * 3))


VARIANTS: list[Row] = [
    (identity_limits.ProjectsAreFew, created_many, 201, 403),
    (identity_limits.TwoTokenRequestsAtOnce, asked_at_once, [200, 200, 200], [200, 200, 429]),
    (identity_limits.UpdatesComeLater, of_an_update, (200, "Later"), (202, "Atlas")),
    (identity_limits.ListsLagBehind, listed_behind_a_list, 3, 2),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), VARIANTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_variant_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert (look(World()), look(World(alteration))) == (clean, altered)
