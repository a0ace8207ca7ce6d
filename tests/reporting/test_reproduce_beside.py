"""Scripts of findings on a target that is right in an unusual way: none says that what is mended shows still."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scripts import shown

pytestmark = pytest.mark.once

PASSES, CANNOT = 0, 2


@pytest.mark.parametrize(
    ("defect", "requirement", "variant", "without"),
    [
        # What is there again is led to a storage.
        ("single-post-stored-later", "registry/upload/whole-blob-by-post", "blobs-redirected", CANNOT),
        # What is refused again is refused in a body behind 200.
        ("part-order-not-heeded", "storage/multipart/order-of-parts-is-checked", "completion-fails-within200", PASSES),
        # The keys of a list are in sections of CDATA.
        ("page-border-lost", "storage/paging/goes-on-after-start-after", "documents-written-otherwise", PASSES),
    ],
)
def test_a_script_does_not_accuse_what_is_right_in_an_unusual_way(
    defect: str, requirement: str, variant: str, without: int, tmp_path: Path
) -> None:
    with ExitStack() as running:
        found = shown({requirement: defect}, tmp_path, running, "--explore", "5", alone=True, beside=[variant])
        tried = [found.tried(script, defect) for script in found.scripts[requirement]]

    assert tried
    for each in tried:
        assert (each.defective[0], each.clean[0]) == (1, without), (each.defective, each.clean)
