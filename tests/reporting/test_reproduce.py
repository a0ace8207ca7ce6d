"""The script of a finding fails on the target that showed it and passes on a clean one."""

from __future__ import annotations

import pytest

from tests.properties import explored, found_by
from tests.scripts import table

pytestmark = pytest.mark.nightly

# Defects that written examples find, and the check whose finding the script shows.
BY_EXAMPLE = {
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
EXPLORE = 150
"""Examples enough to find each defect from any seed."""


def test_each_script_fails_with_its_defect_and_passes_without() -> None:
    by_property = [(name, requirement) for name, each in explored().items() for requirement in found_by(each)]
    assert table([*by_property, *BY_EXAMPLE.items()], EXPLORE) == (len(by_property) + len(BY_EXAMPLE), [])
