"""Scripts of findings on a target that is right in an unusual way: none says that what is mended shows still."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scripts import shown

pytestmark = pytest.mark.nightly

PASSES, FAILS, CANNOT = 0, 1, 2


@pytest.mark.parametrize(
    ("defect", "requirement", "variants", "without"),
    [
        # What is there again is led to a storage.
        # What is refused again is refused in a body behind 200.
        ("part-order-not-heeded", "storage/multipart/order-of-parts-is-checked", "completion-fails-within200", PASSES),
        # One request in twenty is asked to wait: in the run, which is no step, and in the script, which waits.
        ("filter-of-types-that-begin-so", "registry/referrers/filter-is-applied", "refused-once-in-a-while", PASSES),
        ("manifests-at-once-mixed", "registry/concurrency/no-pushed-tag-is-lost", "refused-once-in-a-while", CANNOT),
        # A token is got where whoever does not say how content may come gets it in gzip.
        ("bad-token-is403", "authorization/matrix/unknown-token-is-401", "identity-behind-a-firewall", PASSES),
        # Blanks stand on both sides of a field's value.
        ("replaced-copy-keeps-its-type", "storage/copy/type-is-replaced", "storage-framed-in-every-way", PASSES),
        # An entity tag that a condition has to name is not ASCII.
        (
            "escaped-text-refused",
            "errors/400/changed-body",
            "changes-must-be-conditional entity-tags-beyond-ascii",
            PASSES,
        ),
        # Who changes something without a condition is asked for one, and with one told that there is nothing.
        (
            "hidden-project-writable",
            "authorization/concealment/hidden-is-answered-as-absent",
            "changes-must-be-conditional",
            CANNOT,
        ),
        # A live URL alone knows that GET is no method of it; or GET is shown a page at every address.
        (
            "webhook-method-tells-live-url",
            "webhooks/secret/live-url-is-not-distinguishable",
            "only-live-urls-know-methods",
            PASSES,
        ),
        # The keys of a list are in sections of CDATA.
        (
            "page-border-lost",
            "storage/paging/pages-contain-every-key-once#after-start-after",
            "documents-written-otherwise",
            PASSES,
        ),
    ],
)
def test_a_script_does_not_accuse_what_is_right_in_an_unusual_way(
    defect: str, requirement: str, variants: str, without: int, tmp_path: Path
) -> None:
    with ExitStack() as running:
        found = shown({requirement: defect}, tmp_path, running, "--explore", "5", alone=True, beside=variants.split())
        tried = [found.tried(script, defect) for script in found.scripts[requirement]]

    assert tried
    # What shows where several ask at once cannot be told by one who asks.
    defective = CANNOT if "/concurrency/" in requirement else FAILS
    for each in tried:
        assert (each.defective[0], each.clean[0]) == (defective, without), (each.defective, each.clean)
