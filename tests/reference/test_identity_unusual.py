"""Each right way that is seldom taken shows in the answer it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.variants import identity_guards as guards
from conformance.reference.variants import identity_unusual as unusual
from tests.reference.identity_table import Look, Row, alterations_in, api, api_header, created, statuses
from tests.reference.identity_world import ABSENT, ACME, ATLAS, NOBODY, PROJECTS, World


def token_is(kind: str) -> Look:
    """Whether a token is accepted in other case, is in order with the next, or is of 8 KiB."""
    looks: dict[str, Look] = {
        "in other case": lambda w: (
            w.ask("GET", ACME, headers={"authorization": f"Bearer {w.bearer().upper()}"}).is_success
        ),
        "in order": lambda w: (tokens := [w.bearer() for _ in range(8)]) == sorted(tokens),
        "long": lambda w: len(w.bearer()) == 8192,
    }
    return looks[kind]


def with_more(raw: bytes) -> Look:
    """The status of a token request with these bytes behind its form."""
    form = "grant_type=client_credentials&client_id=ct-full&client_secret="
    return lambda w: w.token(raw=f"{form}{w.secret()}".encode() + raw).status_code


def first_slugs(w: World) -> int:
    return len({w.api(PROJECTS).json()["items"][0]["slug"] for _ in range(40)})


def of_error(w: World) -> list[str]:
    return list(w.api(ABSENT).json())


def of_refusal(w: World) -> int:
    return len(w.token(client_secret="x").json())


def told_behind_ten(w: World) -> bool:
    """Whether what is answered above the limit tells when to come back."""
    return "retry-after" in [w.token("ct-limited") for _ in range(11)][-1].headers


def behind_ten(w: World) -> list[int]:
    """What is answered above the limit, before and after the clock reaches the next window."""
    w.identity.__dict__["monotonic"] = lambda: 100.9
    told = [w.token("ct-limited").status_code for _ in range(11)][-1:]
    w.identity.__dict__["monotonic"] = lambda: 101.0
    return [*told, w.token("ct-limited").status_code]


def others_behind_ten(w: World) -> list[int]:
    """What others are answered when the limit is used up: one of the organization, and one of another."""
    for _ in range(11):
        w.token("ct-limited")
    return [w.token(each).status_code for each in ("ct-full", "ct-foreign")]


def behind_wrong_secrets(number: int, between: int) -> Look:
    """What the right secret is answered behind so many wrong ones, with a right one among them or none."""

    def look(w: World) -> int:
        for place in range(number):
            w.token(client_secret="x")
            if place + 1 == between:
                w.token()
        return w.token().status_code

    return look


def of_key_and_tokens(w: World) -> list[Any]:
    """The type of the published key, and what a token opens."""
    return [w.ask("GET", "/.well-known/jwks.json").json()["keys"][0]["kty"], w.api(ACME).status_code]


def named(w: World) -> list[str]:
    return list(w.registry().json())


TOLD = ["token", "access_token", "expires_in", "issued_at"]


def under_another_name(world: World) -> int:
    """What a login of the registry is answered beside a name that is nobody's."""
    return world.registry("nobody", world.identity.accounts["ct-pull"].password).status_code


def behind_a_wrong_password(world: World) -> int:
    """What a login of the registry is answered right behind a wrong password."""
    world.registry("ct-pull", "not-the-password")
    return world.registry("ct-pull").status_code


TABLE: list[Row] = [
    (unusual.RegistryTokenAlone, named, TOLD, ["token"]),
    (unusual.RegistryAccessTokenAlone, named, TOLD, ["access_token"]),
    (unusual.RegistryTokensBehindARedirect, lambda w: w.registry().status_code, 200, 307),
    (unusual.TokensBeginWithTheTime, token_is("in order"), False, True),
    (unusual.TokensInHexadecimalDigits, token_is("in other case"), False, True),
    (unusual.TokensOfEightKibibytes, token_is("long"), False, True),
    (unusual.TextsWrittenWithEscapes, lambda w: "secret-lab" in w.api(PROJECTS).text, True, False),
    (unusual.ListsInAnyOrder, first_slugs, 1, 2),
    (unusual.ReadsAreCounted, lambda w: [w.api(ACME).json().get("reads") for _ in range(2)], [None, None], [0, 1]),
    (unusual.ErrorsInAList, of_error, ["error"], ["errors"]),
    (unusual.RefusalsAreNumbered, of_refusal, 2, 5),
    (
        unusual.ShortTextsAlone,
        statuses(created(slug="aa", name="x" * 64), created(slug="bb", name="x" * 65)),
        [201, 201],
        [201, 400],
    ),
    (unusual.CookieOfABalancer, lambda w: "set-cookie" in w.token().headers, False, True),
    (unusual.HeadTellsLess, api_header("content-type", ATLAS, method="HEAD"), "application/json", None),
    (unusual.DotsAreRedirected, api(f"{PROJECTS}/%2e%2e"), 404, 301),
    (unusual.UndeclaredMethods, api(ACME, method="PUT"), 405, 415),
    (unusual.PutReplacesTheWhole, api(ATLAS, "ct-full", "PUT", json={"name": "x"}), 405, 200),
    (
        unusual.DeletingAgainIsNoError,
        statuses(*[api(ATLAS, "ct-full", "DELETE")] * 2, api(ABSENT, "ct-full", "DELETE")),
        [204, 404, 404],
        [204, 204, 404],
    ),
    (unusual.EntityTagsBeyondAscii, api_header("etag", ATLAS), '"1"', '"1\xe9\xfe"'),
    (
        unusual.PortalReadsWithCredentials,
        api_header("access-control-allow-credentials", ACME),
        None,
        "true",
    ),
    (unusual.TokensEndInEqualsSigns, lambda w: w.bearer()[-2:] == "==", False, True),
    (
        unusual.ProofOfPossessionAskedForToo,
        lambda w: w.ask("GET", ACME).headers["www-authenticate"].split()[0],
        "Bearer",
        "DPoP",
    ),
    (unusual.NoRetryAfter, told_behind_ten, True, False),
    (unusual.OrganizationsLookedUpBeforeScopes, api(f"{NOBODY}/projects", "ct-narrow"), 403, 404),
    (unusual.WindowsOfTheClock, behind_ten, [429, 429], [429, 200]),
    (guards.LockedAfterWrongSecrets, behind_wrong_secrets(5, between=5), 200, 401),
    (guards.KeySetIsElsewhere, lambda w: w.ask("GET", "/.well-known/jwks.json").status_code, 200, 302),
    (guards.TokensOfSeconds, lambda w: w.token().json()["expires_in"], 3600, 6),
    (guards.TextsOfLettersAlone, api(ATLAS, "ct-full", "PATCH", json={"description": "a, b"}), 200, 400),
    (guards.TokensSignedOnAnEdwardsCurve, of_key_and_tokens, ["EC", 200], ["OKP", 200]),
    (guards.SemicolonsAreRefused, with_more(b"&x=1;y"), 200, 400),
    (guards.SmallFormsAlone, with_more(b"&x=" + b"x" * 4096), 200, 413),
    (guards.LockedForAMoment, behind_wrong_secrets(25, between=4), 200, 401),
    (guards.RegistryPasswordsTellWhoseTheyAre, under_another_name, 401, 200),
    (guards.RegistryLoginsLockedForAMoment, behind_a_wrong_password, 200, 401),
    (unusual.LimitOfTheOrganization, others_behind_ten, [200, 200], [429, 200]),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_escapes_mean_what_they_stand_for() -> None:
    escaped = World(unusual.TextsWrittenWithEscapes).api(PROJECTS)
    assert json.loads(escaped.content) == World().api(PROJECTS).json()


def test_every_variant_is_seen_to_vary() -> None:
    every = alterations_in(unusual, guards)
    unseen = sorted(each.__name__ for each in every - {row[0] for row in TABLE} if each.surface)
    assert unseen == [], "each needs a row of TABLE: a look that it changes"
