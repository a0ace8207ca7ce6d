"""``reproduce.sh`` of each finding fails on the target that showed it and passes on one that is clean.

So of every defect that only properties find, by every property that finds it, and of some others. The scripts run with
sh, curl and what POSIX has, in an environment that holds nothing but the secrets.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.properties import explored, found_by
from tests.scripts import SHELL, Shown, in_turns, shown

pytestmark = pytest.mark.nightly

# Defects that written examples find, and the check whose finding is looked at.
BESIDE = {
    "error-without-code": "registry/upload/any-content-range-is-handled",
    "revoked-tokens-keep-working": "authorization/revocation/every-token-becomes-invalid#in-use",
    "wrong-secret-accepted": "oauth/token/wrong-secret-is-refused#of-another-client",
    "restored-credential-revives-tokens": "authorization/revocation/every-token-becomes-invalid#after-restoring",
    # Of the cases of these all but one look at what was made for another.
    "part-without-content-range": "registry/pull/range-is-served",
    "link-never-ends": "registry/tags/links-reach-every-tag",
    # What these look at was made for a check before.
    "weak-entity-tag-is-another": "errors/reads/if-none-match-forms#weak",
    "duplicate-slug-is400": "errors/409/duplicate-slug#sequential",
    # Of these the script must do otherwise than the run: sign, date, repeat, go on from what is answered now.
    "parts-unhashed": "storage/multipart/other-payload-refuses-the-part",
    "update-reports-old-version": "errors/409/version-names-one-state#write-response",
    "refused-requests-prolong-the-wait": "errors/429/served-after-retry-after",
    "post-reported-a-session": "registry/upload/whole-blob-by-post",
    # That a secret is said is looked for by its name, in whatever encoding it was sent.
    "token-error-echoes-request": "oauth/response/secret-is-not-repeated",
    # What these look at is inside a token, or a member beside one, which no evidence holds.
    "jti-missing": "oauth/jwt/has-the-claims",
    "unsigned-tokens-issued": "oauth/jwt/is-signed",
    "secret-inside-token": "oauth/jwt/carries-no-secret",
    # A token is forged again of the parts of one that is issued now, a URL cut again or changed in a letter.
    "webhook-url-matched-by-prefix": "webhooks/secret/live-url-is-not-distinguishable",
    # The operator's command tells which events were taken in.
    "refused-method-accepted": "webhooks/delivery/rejected-events-do-not-arrive#rejected",
    "chunked-event-refused": "webhooks/delivery/chunked-is-accepted",
    # The request that made these is refused where nothing is wrong, or names another place, or none.
    "foreign-client-made-member": "authorization/isolation/references-in-bodies-reach-nothing",
    "creation-replaces-hidden": "authorization/concealment/creation-replaces-nothing-hidden",
    # Two answers would differ in a field, or a date be near the one of its answer.
    "tag-of-parts-reports-their-number": "storage/multipart/etag-follows-the-bytes",
    # The push that moves the tag is refused here, and taken where nothing is wrong.
    "refused-tag-moves-all-the-same": "registry/manifest/tag-moves",
    # A field has bytes that are no text.
    "unusual-header-crashes": "errors/5xx/no-input-is-a-server-error",
}
# Enough that each is found from any seed: what was found needs no more of them.
SEED, EXPLORE = "1", "150"


def beside() -> list[tuple[str, str]]:
    """Each defect that only properties find with each that finds it, and some that written examples find."""
    found = [(name, requirement) for name, each in explored().items() for requirement in found_by(each)]
    return [*found, *BESIDE.items()]


TURNS = in_turns(beside())


@pytest.fixture(scope="module")
def found_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Shown]]:
    """What was found in a turn, by its number; its run is made when it is asked for first."""

    def found(number: int) -> Shown:
        return shown(TURNS[number], tmp_path_factory.mktemp("turn"), running, "--seed", SEED, "--explore", EXPLORE)

    with ExitStack() as running:
        yield cache(found)


@pytest.mark.parametrize(
    ("turn", "requirement", "defect"),
    [
        pytest.param(number, requirement, defect, id=f"{defect}-{requirement}")
        for number, turn in enumerate(TURNS)
        for requirement, defect in turn.items()
    ],
)
def test_a_script_fails_with_the_defect_and_passes_without(
    found_in: Callable[[int], Shown], turn: int, requirement: str, defect: str
) -> None:
    found = found_in(turn)
    scripts = found.scripts[requirement]
    assert scripts
    # The first case makes what it looks at, the others look at what was made for it, one as the other.
    for script in (*scripts[:1], *scripts[1:][-1:]):
        tried = found.tried(script, defect)
        assert tried.right, (tried.defective, tried.clean)


@pytest.mark.parametrize("turn", range(len(TURNS)))
def test_no_secret_is_in_a_script(found_in: Callable[[int], Shown], turn: int) -> None:
    found = found_in(turn)
    files = [path for scripts in found.scripts.values() for script in scripts for path in script.parent.iterdir()]
    for path in files:
        content = path.read_bytes()
        for name, value in found.environment.items():
            assert name == "PATH" or value.encode() not in content, (path, name)


def test_a_script_names_a_secret_that_is_not_set(found_in: Callable[[int], Shown]) -> None:
    script = found_in(0).scripts["errors/400/changed-body"][0]
    ran = subprocess.run(
        [SHELL, str(script)], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and "IDENTITY_FULL_CLIENT_SECRET is not set" in ran.stdout
