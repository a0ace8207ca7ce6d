"""What lists of uploads and of parts say of where they began."""

from __future__ import annotations

from conformance.oracles.proofs import says
from conformance.oracles.s3_documents import expect_document
from conformance.sandbox.space import Space
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance


@verifies("storage/multipart/place-is-told")
def test_place_of_uploads_is_told(space: Space) -> None:
    """Purpose: a list of uploads or of parts repeats where it was asked to begin, so that it is understood alone.

    Method: 1. open an upload, send a part; list the uploads behind a key before its own, and the parts behind the first
            2. expect KeyMarker and PartNumberMarker, where they are told, as they were sent
    """
    prefix = space.prefix("uploads")
    upload = space.opened(key := f"{prefix}b")
    space.part(key, upload, 1, b"the first")
    uploads = space.list_uploads(prefix, key_marker=f"{prefix}a")
    parts = space.list_parts(key, upload, part_number_marker="1")
    space.abort(key, upload)

    for reply, root, name, sent in (
        (uploads, "ListMultipartUploadsResult", "KeyMarker", f"{prefix}a"),
        (parts, "ListPartsResult", "PartNumberMarker", "1"),
    ):
        told = expect_document(reply, root).findtext(name)
        if told not in (None, sent):
            wanted, found = f"<{name}>{sent}</{name}>", f"<{name}>{told}</{name}>"
            raise NonConformance(wanted, found, reply, proof=says(reply, name, sent))
