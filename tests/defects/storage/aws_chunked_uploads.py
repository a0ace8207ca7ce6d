"""Defects that break the promise "Chunked (aws-chunked) uploads are decoded and verified"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer
from conformance.reference.one_method import defect, row
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from tests.defects.support.storage import FORGED, done_though_refused, failing, in_chunks, refusing, sent_in_chunks

INCOMPLETE = "IncompleteBody"
LAST_CHUNK = b"\r\n0;chunk-signature="
SUPPLIED = "f" * 64

ROWS = (
    row(
        "aws-chunked-coding-stored",
        "S3 API Reference, PutObject: ``aws-chunked`` stays in the stored Content-Encoding.",
        "storage/streaming/chunks-are-joined#signed,unsigned-with-trailer",
        content_encoding=lambda original, call: call.headers.get("content-encoding", ""),
    ),
    row(
        "decoded-length-ignored",
        'SigV4, "Transferring Payload in Multiple Chunks": x-amz-decoded-content-length is not checked.',
        "storage/streaming/decoded-length-is-checked#one-less,one-more",
        check_decoded_length=lambda original, call: None,
    ),
    row(
        "chunks-lose-their-metadata",
        "S3 API Reference, PutObject, x-amz-meta-: an object uploaded in chunks loses its metadata.",
        "storage/streaming/metadata-is-stored#signed-chunks,unsigned-chunks",
        metadata=lambda original, call: {} if in_chunks(call) else dict(original(call)),
    ),
    row(
        "missing-decoded-length-is-server-error",
        "S3 API Reference, MissingContentLength: a missing x-amz-decoded-content-length is answered with a 5xx.",
        "storage/streaming/decoded-length-is-checked#missing",
        check_decoded_length=failing(lambda call: "x-amz-decoded-content-length" not in call.headers),
    ),
    row(
        "decoded-length-is-no-length",
        "Provisioning Storage, any S3-compatible client: chunks without a Content-Length are refused.",
        "storage/streaming/chunked-transfer-coding-is-accepted",
        require_length=refusing("MissingContentLength", lambda call: "content-length" not in call.headers),
    ),
    row(
        "forged-chunks-stored",
        'SigV4, "Transferring Payload in Multiple Chunks": a chunk with a wrong signature is refused, but stored.',
        "storage/streaming/altered-chunks-are-refused#chunk-lost,first-chunk-bytes,last-chunk-signature,of-a-part",
        "storage/streaming/altered-chunks-are-refused#trailer-signature-lost",
        "storage/signature/altered-request-is-refused#unsigned-chunks-to-another-key",
        answered=done_though_refused(FORGED, when=lambda surface, request: sent_in_chunks(request)),
    ),
    row(
        "cut-off-chunks-stored",
        "S3 API Reference, IncompleteBody: a truncated chunked payload is refused, but stored.",
        "storage/streaming/altered-chunks-are-refused#ended-after-a-chunk,last-chunk-lost,never-framed",
        "storage/streaming/altered-chunks-are-refused#unsigned-chunk-lost,without-signatures",
        "storage/streaming/decoded-length-is-checked#one-less",
        answered=done_though_refused(INCOMPLETE, when=lambda surface, request: sent_in_chunks(request)),
    ),
    row(
        "stored-before-the-trailer",
        "S3 User Guide, trailing checksums: a payload with a wrong trailing checksum is refused, but stored.",
        "storage/streaming/trailing-checksum-is-checked#signed,unsigned-crc32c,unsigned-sha1",
        "storage/streaming/announced-trailer-must-come",
        answered=done_though_refused(
            "BadDigest", "MalformedTrailerError", when=lambda surface, request: sent_in_chunks(request)
        ),
    ),
)


@defect(
    "storage/streaming/altered-chunks-are-refused#chunk-bytes,chunk-signature,chunks-swapped,first-chunk-bytes",
    "storage/streaming/altered-chunks-are-refused#of-a-part,trailer-signature",
)
def chunk_signatures_ignored(chunk_signature_matches: Any, given: str, computed: str) -> bool:
    """SigV4, "Signature Calculations: Transferring Payload in Multiple Chunks": chunk signatures are not verified."""
    return True


@defect("storage/streaming/altered-chunks-are-refused#never-framed,size-unreadable")
def unframed_chunks_stored_raw(read_chunks: Any, call: Call, stated: str) -> None:
    """SigV4, "Transferring Payload in Multiple Chunks": a payload that is declared as chunked but is not is stored."""
    if re.match(rb"[0-9A-Fa-f]+[;\r]", call.request.body):
        read_chunks(call, stated)
    else:
        call.body = call.request.body


@defect("storage/streaming/announced-trailer-must-come")
def lost_trailer_ignored(read_trailers: Any, call: Call, rest: bytes, previous: str | None) -> None:
    """SigV4, "Transferring Payload in Multiple Chunks": the absence of an announced trailer is not noticed."""
    if rest != b"\r\n":
        read_trailers(call, rest, previous)


@defect(
    "storage/streaming/chunks-are-joined#one-mebibyte,signed,signed-with-trailer,size-in-capitals",
    "storage/streaming/chunks-are-joined#size-in-capitals-of-unsigned",
)
def chunk_framing_stored(read_payload: Any, call: Call) -> None:
    """SigV4, "Transferring Payload in Multiple Chunks": the framing of the chunks is stored with the payload."""
    read_payload(call)
    call.body = call.request.body


@defect("storage/streaming/framing-is-never-stored")
async def undeclared_framing_stored_and_refused(put_object: Any, call: Call, bucket: Bucket) -> Answer:
    """SigV4, "Transferring Payload in Multiple Chunks": chunks without Content-Encoding are refused, but stored."""
    undeclared = "aws-chunked" not in call.headers.get("content-encoding", "")
    answer: Answer = await put_object(call, bucket)
    if undeclared and call.signer.payload_hash in STREAMING:
        raise Fault("InvalidRequest")
    return answer


@defect("storage/streaming/framing-is-never-stored")
def framing_stored_without_content_encoding(read_payload: Any, call: Call) -> None:
    """SigV4, "Transferring Payload in Multiple Chunks": without Content-Encoding, the framing is stored."""
    in_chunks = call.signer.payload_hash.startswith("STREAMING-")
    if in_chunks and "aws-chunked" not in call.headers.get("content-encoding", ""):
        call.body = call.request.body
    else:
        read_payload(call)


@defect("storage/streaming/chunked-transfer-coding-is-accepted")
def chunks_in_transfer_coding_lost(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """RFC 9112 section 7.1: a chunked payload in the chunked transfer coding is stored as an empty object."""
    stored: StoredObject = new_object(call, md5, checksums)
    both = call.signer.payload_hash in STREAMING and "transfer-encoding" in call.headers
    return replace(stored, body=b"") if both else stored


@defect("storage/streaming/own-encoding-is-stored")
def aws_chunked_removed_only_as_first_coding(content_encoding: Any, call: Call) -> str:
    """S3 API Reference, PutObject: ``aws-chunked`` after another coding is stored."""
    given = call.headers.get("content-encoding", "")
    return "" if given == "aws-chunked" else given.removeprefix("aws-chunked,").strip()


@defect("storage/streaming/parts-may-be-chunked#signed,signed-with-trailer,unsigned-with-trailer")
def part_keeps_its_framing(read_chunks: Any, call: Call, stated: str) -> None:
    """SigV4, "Transferring payload in multiple chunks": a part is stored with the framing of its chunks."""
    read_chunks(call, stated)
    if "uploadId" in call.query:
        call.body = call.request.body


@defect("storage/streaming/trailing-checksum-is-checked#signed,unsigned,unsigned-crc64nvme,unsigned-sha256")
def trailing_checksum_ignored(read_trailers: Any, call: Call, rest: bytes, previous: str | None) -> None:
    """S3 User Guide, "Using trailing checksums": a trailing checksum is not compared with the payload."""
    read_trailers(call, rest, previous)
    call.trailers = {}
    headers = call.request.headers.mutablecopy()
    del headers["x-amz-sdk-checksum-algorithm"]
    call.request = replace(call.request, headers=headers)
