"""Defects of Signature Version 4: parts of a request that are not verified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Request
from conformance.reference.storage import canonical
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault


class SignatureIgnored(Defect):
    """SigV4, "Signature Calculations": a request whose signature does not match is refused."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-query-is-refused", "interoperability/storage/wrong-secret-fails")

    def signature_matches(self, original: Any, given: str, computed: str) -> bool:
        return True


class SignatureOfReadsIgnored(Defect):
    """SigV4, "Signature Calculations": a read whose signature does not match is refused like a write."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-secret-is-refused#get", "storage/presigned/wrong-secret-is-refused")

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        try:
            signer: Signer = original(request)
        except Fault as fault:
            if fault.code != "SignatureDoesNotMatch" or request.method not in ("GET", "HEAD"):
                raise
            key = surface.known_key(surface.presented(request).credential.access_key)
            return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")
        return signer


class MethodNotSigned(Defect):
    """SigV4, "Task 1: Create a canonical request": the method is part of what is signed."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/altered-is-refused#download-written",
        "storage/presigned/altered-is-refused#method",
        "storage/presigned/altered-is-refused#upload-asked-for",
        "storage/presigned/altered-is-refused#upload-read",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
            try:
                signer: Signer = original(replace(request, method=method))
            except Fault as fault:
                if fault.code != "SignatureDoesNotMatch":
                    raise
            else:
                return signer
        raise Fault("SignatureDoesNotMatch")


class QuerySortedBeforeEncoding(Defect):
    """SigV4, "Create a canonical request": the sorting occurs after encoding, ``x-id%3Aof`` before ``x-id-of``."""

    surface = "storage"
    noticed_by = ("storage/signature/query-is-sorted-as-encoded",)

    def canonical_query(self, original: Any, request: Request) -> str:
        joined: str = original(request)
        return "&".join(sorted(joined.split("&"), key=lambda pair: unquote(pair.partition("=")[0])))


class _AnotherPathSigned(Defect):
    """SigV4, "Task 1": the path is signed as it is."""

    surface = "storage"

    def _signed(self, path: str) -> str:
        """The path whose signature is taken as well."""
        raise NotImplementedError

    def authenticate(self, original: Any, request: Request) -> Signer:
        other = self._signed(request.raw_path)
        try:
            signer: Signer = original(request)
        except Fault as fault:
            if fault.code != "SignatureDoesNotMatch" or request.raw_path == other:
                raise
            signer = original(replace(request, raw_path=other))
        return signer


class KeyCaseNotSigned(_AnotherPathSigned):
    """SigV4, "Task 1": the path is signed as it is, upper and lower case apart."""

    noticed_by = ("storage/signature/altered-request-is-refused#path-case",)

    def _signed(self, path: str) -> str:
        return path.lower()


class SlashAtTheEndNotSigned(_AnotherPathSigned):
    """SigV4, "Task 1": the path is signed as it is, to the slash at its end, with which it is another object's."""

    noticed_by = ("storage/signature/altered-request-is-refused#path-slash-added",)

    def _signed(self, path: str) -> str:
        return path.rstrip("/")


class PayloadHashIgnored(Defect):
    """SigV4, "x-amz-content-sha256": other bytes than those that were signed are refused."""

    surface = "storage"
    noticed_by = (
        "storage/signature/payload-hash-is-checked",
        "storage/signature/payload-hash-is-checked#completion",
        "storage/signature/payload-hash-is-checked#nothing-came",
        "storage/signature/payload-hash-is-checked#tagging",
    )

    def payload_matches(self, original: Any, stated: str, body: bytes) -> bool:
        return True


class ClockSkewIgnored(Defect):
    """S3 API Reference, RequestTimeTooSkewed: a signature is good for fifteen minutes."""

    surface = "storage"
    noticed_by = (
        "storage/signature/skewed-clock-is-refused#a-day-ago",
        "storage/signature/skewed-clock-is-refused#ahead",
        "storage/signature/skewed-clock-is-refused#chunks-behind",
        "storage/signature/skewed-clock-is-refused#read-behind",
        "storage/signature/skewed-clock-is-refused#unsigned-chunks-behind",
    )

    def check_skew(self, original: Any, age: float) -> None:
        return None


class ClockSkewTooNarrow(Defect):
    """S3 API Reference, RequestTimeTooSkewed: a clock that is ten minutes off still works."""

    surface = "storage"
    noticed_by = ("storage/signature/small-skew-is-served#ahead", "storage/signature/small-skew-is-served#behind")

    def check_skew(self, original: Any, age: float) -> None:
        original(age * 5)


class PresignedNeverExpires(Defect):
    """SigV4, "Using Query Parameters": a presigned URL is refused after X-Amz-Expires seconds."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/expired-is-refused#get",
        "storage/presigned/expired-is-refused#head",
        "storage/presigned/future-is-refused",
    )

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        return None


class ExpiryLimitIgnored(Defect):
    """SigV4, "Using Query Parameters": X-Amz-Expires is at most 604800."""

    surface = "storage"
    noticed_by = ("storage/presigned/expiry-is-bounded#over-a-week",)

    def expiry(self, original: Any, given: str) -> int:
        seconds: int = int(given) if given.isdecimal() and int(given) > 0 else original(given)
        return seconds


class UnsignedAmzHeadersAccepted(Defect):
    """SigV4, "Task 1": every x-amz header that is sent must be signed."""

    surface = "storage"
    noticed_by = (
        "storage/signature/amz-headers-must-be-signed",
        "storage/signature/host-must-be-signed",
        "storage/presigned/unsigned-fields-are-not-obeyed#copy-source",
    )

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        return None


class ScopeDateIgnored(Defect):
    """SigV4, "Credential scope": the day of the scope is that of the request."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-scope-is-refused#date",)

    def check_scope_date(self, original: Any, presented: Presented) -> None:
        return None


class ChunkSignaturesIgnored(Defect):
    """SigV4, "Signature Calculations: Transferring Payload in Multiple Chunks": every chunk's signature is verified."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/altered-chunks-are-refused#chunk-bytes",
        "storage/streaming/altered-chunks-are-refused#chunk-signature",
        "storage/streaming/altered-chunks-are-refused#chunks-swapped",
        "storage/streaming/altered-chunks-are-refused#first-chunk-bytes",
        "storage/streaming/altered-chunks-are-refused#of-a-part",
        "storage/streaming/altered-chunks-are-refused#trailer-signature",
    )

    def chunk_signature_matches(self, original: Any, given: str, computed: str) -> bool:
        return True


class ChunkFramingStored(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": what is stored is the payload without the chunks' framing."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/chunks-are-joined#of-a-mebibyte",
        "storage/streaming/chunks-are-joined#signed",
        "storage/streaming/chunks-are-joined#signed-with-trailer",
        "storage/streaming/chunks-are-joined#size-in-capitals",
        "storage/streaming/chunks-are-joined#size-in-capitals-of-unsigned",
    )

    def read_payload(self, original: Any, call: Call) -> None:
        original(call)
        call.body = call.request.body


class TrailingChecksumIgnored(Defect):
    """S3 User Guide, "Using trailing checksums": a wrong checksum in a trailer is refused with BadDigest."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/trailing-checksum-is-checked#signed",
        "storage/streaming/trailing-checksum-is-checked#unsigned",
        "storage/streaming/trailing-checksum-is-checked#unsigned-crc64nvme",
        "storage/streaming/trailing-checksum-is-checked#unsigned-sha256",
    )

    def read_trailers(self, original: Any, call: Call, rest: bytes, previous: str | None) -> None:
        original(call, rest, previous)
        call.trailers = {}
        headers = call.request.headers.mutablecopy()
        del headers["x-amz-sdk-checksum-algorithm"]
        call.request = replace(call.request, headers=headers)


class DecodedLengthIgnored(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": x-amz-decoded-content-length is the payload's length."""

    surface = "storage"
    noticed_by = (
        "storage/streaming/decoded-length-is-checked#one-less",
        "storage/streaming/decoded-length-is-checked#one-more",
    )

    def check_decoded_length(self, original: Any, call: Call) -> None:
        return None


class UnknownAccessKeyIsServerError(Defect):
    """S3 API Reference, InvalidAccessKeyId: 403 for a key that is not known."""

    surface = "storage"
    noticed_by = (
        "storage/signature/unknown-key-is-refused#by-url",
        "storage/signature/unknown-key-is-refused#by-url-and-no-secret",
        "storage/signature/unknown-key-is-refused#get",
        "storage/signature/unknown-key-is-refused#get-by-no-secret",
        "storage/signature/unknown-key-is-refused#like-our-own",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as fault:
            raise (server_error() if fault.code == "InvalidAccessKeyId" else fault) from None
        return signer


class ImpossibleDateCrash(Defect):
    """SigV4, "Authorization header", x-amz-date: digits in the right places that are no date are the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/signature/malformed-authorization-is-refused#broken-date",)

    def check_time(self, original: Any, presented: Presented) -> None:
        if canonical.seconds_of(presented.timestamp) is None:
            raise server_error()
        original(presented)


class TokenOfNoSessionCrash(Defect):
    """S3 API Reference, InvalidToken: a session token that is none is the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/errors/odd-fields-are-no-server-error#x-amz-security-token",)

    def presented(self, original: Any, request: Request) -> Presented:
        if "x-amz-security-token" in request.headers:
            raise server_error()
        presented: Presented = original(request)
        return presented


class SecretInError(Defect):
    """OWASP ASVS 7.4.1: an error tells nothing secret, least of all the key that it was checked with."""

    surface = "storage"
    noticed_by = ("storage/errors/nothing-is-given-away#wrong-secret",)

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        if fault.code != "SignatureDoesNotMatch":
            return body
        surface = gateway(original)
        key = surface.known_key(surface.presented(request).credential.access_key)
        secret = f"<SecretKey>{key.secret_key if key else ''}</SecretKey></Error>".encode()
        return body.replace(b"</Error>", secret)
