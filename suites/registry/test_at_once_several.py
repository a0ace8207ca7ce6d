"""What several callers push at one moment beside each other: none of it is lost."""

from __future__ import annotations

from collections.abc import Callable

from conformance.clients.at_once import at_once
from conformance.clients.images import Manifest, NewImage, manifest_of, variation
from conformance.clients.registry import Repository
from conformance.oracles.registry import descriptors_of, expect_bytes, expect_listed, pages_from, strings_of
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

CALLERS = 4


@verifies("registry/at-once/several-tags")
def test_several_tags(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: of several tags that are pushed at once, none is lost.

    Method: 1. four callers PUT two manifests, each under two tags, at the same moment: expect 201 to each
            2. expect all four tags in the list, and by each the bytes of its own
    """
    manifests, mark = [new_image(), new_image()], names.new("several")
    tags = {f"{mark}-{number}": manifests[number % 2] for number in range(CALLERS)}

    def pushing(tag: str, manifest: Manifest) -> Callable[[], Exchange]:
        return lambda: repository.put_manifest(tag, manifest.content, manifest.media_type)

    for reply in at_once([pushing(*each) for each in tags.items()]):
        expect_status(reply, 201, "to each of those who push a tag at once")
    expect_listed(pages_from(repository.tags(), repository.follow), "tags", tags)
    for tag, manifest in tags.items():
        expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/at-once/several-referrers")
def test_several_referrers(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: of several signatures that are pushed at once, none is lost.

    Method: 1. four callers PUT four manifests whose subject is one image at the same moment: expect 201 to each
            2. expect all four among its referrers
    """
    subject = variation(base, names.new("signed")).descriptor
    referrers = [manifest_of(base.blobs[0], base.blobs[1:], subject=subject, cf=number) for number in range(CALLERS)]

    def pushing(manifest: Manifest) -> Callable[[], Exchange]:
        return lambda: repository.push(manifest)

    for reply in at_once([pushing(each) for each in referrers]):
        expect_status(reply, 201, "to each of those who push a referrer at once")
    pages = pages_from(repository.referrers(subject["digest"]), repository.follow)
    found = [each.get("digest") for page in pages for each in descriptors_of(page)]
    if lost := [each.digest for each in referrers if each.digest not in found]:
        raise NonConformance("all four among the referrers", f"lost {worded(lost)}", *pages)


@verifies("registry/at-once/several-deletions")
def test_several_deletions(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: of several tags that are deleted at once, none comes back, and no other goes.

    Method: 1. push an image under four tags; three callers DELETE three of them at the same moment
            2. expect 202 to each, or 409; the fourth in the list, and none of those that were deleted
    """
    mark = names.new("deleted")
    gone, kept = [f"{mark}-{number}" for number in range(CALLERS - 1)], f"{mark}-kept"
    repository.given(new_image(), *gone, kept)

    def deleting(tag: str) -> Callable[[], Exchange]:
        return lambda: repository.delete_manifest(tag)

    replies = at_once([deleting(tag) for tag in gone])
    for reply in replies:
        expect_status(reply, {202, 409}, "to each of those who delete a tag at once")
    gone = [tag for tag, reply in zip(gone, replies, strict=True) if reply.status == 202]
    pages = pages_from(repository.tags(), repository.follow)
    expect_listed(pages, "tags", [kept])
    if back := {tag for page in pages for tag in strings_of(page, "tags")} & set(gone):
        raise NonConformance("none of the tags that were deleted", f"{worded(sorted(back))} in the list", *pages)
