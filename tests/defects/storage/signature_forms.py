"""Defects that break the promise "A correctly signed request is accepted in every permitted form"."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from tests.defects.rows import row
from tests.defects.support.storage import SIGNATURE

ROWS = (
    row(
        "path-signed-as-sent",
        'SigV4, "Task 1": the path is encoded anew for the signature, however it was encoded on its way.',
        "storage/signature/encoding-on-the-wire-does-not-matter#less",
        "storage/signature/encoding-on-the-wire-does-not-matter#lower-case-hex",
        canonical_path=lambda original, request: request.raw_path,
    ),
    row(
        "custom-parameters-refused",
        'S3 User Guide, "Logging requests": query parameters that begin with ``x-`` are ignored.',
        "storage/signature/query-order-does-not-matter",
        intercept=lambda request: Answer(400) if re.search("(^|&)x-", request.query_string) else None,
    ),
)


class QuotesInQuerySignedBare(Defect):
    """S3 API Reference, Signature Version 4, UriEncode: every character but the unreserved ones is encoded."""

    surface = "storage"
    noticed_by = ("storage/signature/any-correctly-signed-request-is-served",)
    shortest = 1

    def canonical_query(self, original: Any, request: Request) -> str:
        return re.sub("%2[789]", lambda found: chr(int(found[0][1:], 16)), original(request))


class DateAloneRefused(Defect):
    """S3 API Reference, "Common Request Headers": Date tells the time where there is no x-amz-date."""

    surface = "storage"
    noticed_by = ("storage/signature/date-header-may-replace-x-amz-date",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        if "x-amz-date" not in request.headers:
            raise Fault("AccessDenied", "AWS authentication requires x-amz-date")
        presented: Presented = original(request, header)
        return presented


class NeedlessEscapesKept(Defect):
    """RFC 3986 section 6.2.2.2: an unreserved character is the same, percent-encoded or not."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter#more",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(replace(request, raw_path=request.raw_path.replace("%2D", "%252D")))
        return bucket, key


class QuerySignedAsSent(Defect):
    """SigV4, "Task 1": the query is encoded anew for the signature, however it was encoded on its way."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter#of-the-query",)

    def canonical_query(self, original: Any, request: Request) -> str:
        sent = [each for each in request.query_string.split("&") if each and not each.startswith(SIGNATURE)]
        return "&".join("=".join(pair) for pair in sorted(tuple(each.partition("=")[::2]) for each in sent))


class WritesMergeSlashes(Defect):
    """S3 User Guide, "Creating object key names": two slashes are two letters of a key, to a write as to a read."""

    surface = "storage"
    noticed_by = ("storage/signature/path-is-not-normalised",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, key.replace("//", "/") if request.method == "PUT" else key


class PathNormalisedBeforeSigning(Defect):
    """SigV4, "Task 1": paths are not normalised for requests to S3."""

    surface = "storage"
    noticed_by = ("storage/signature/path-is-not-normalised",)

    def canonical_path(self, original: Any, request: Request) -> str:
        path = str(original(request))
        return posixpath.normpath(path).rstrip("/") + ("/" if path.endswith("/") else "")


class QuerySortedBeforeEncoding(Defect):
    """SigV4, "Create a canonical request": the sorting occurs after encoding, ``x-id%3Aof`` before ``x-id-of``."""

    surface = "storage"
    noticed_by = ("storage/signature/query-is-sorted-as-encoded",)

    def canonical_query(self, original: Any, request: Request) -> str:
        joined: str = original(request)
        return "&".join(sorted(joined.split("&"), key=lambda pair: unquote(pair.partition("=")[0])))


class BoundToOneHost(Defect):
    """RFC 9110 section 7.2: the Host that was asked is the one that was signed, whatever a proxy calls the server."""

    surface = "storage"
    noticed_by = (
        "storage/signature/signed-request-is-served#every-field-sent",
        "storage/signature/signed-request-is-served#repeated-spaces",
        "storage/signature/signed-request-is-served#content-type",
        "storage/signature/signed-request-is-served#date-and-x-amz-date",
        "storage/signature/signed-request-is-served#default-class",
        "storage/signature/signed-request-is-served#fields-without-blanks",
        "storage/signature/signed-request-is-served#with-origin",
        "storage/signature/signed-request-is-served#no-other-fields",
        "storage/signature/signed-request-is-served#text-with-comma",
    )

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        headers = request.headers.mutablecopy()
        headers["host"] = "gateway.internal"
        text: str = original(replace(request, headers=headers), names)
        return text


class UnsignedPayloadLost(Defect):
    """S3 API Reference, Authenticating Requests: a payload may be left out of the signature, and is stored."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def read_payload(self, original: Any, call: Call) -> None:
        original(call)
        if call.signer.payload_hash == "UNSIGNED-PAYLOAD":
            call.body = b""


class UnsignedPartsRefused(Defect):
    """S3 API Reference, Authenticating Requests: a payload may be left out of the signature, that of a part too."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def read_payload(self, original: Any, call: Call) -> None:
        if call.signer.payload_hash == "UNSIGNED-PAYLOAD" and "uploadId" in call.query:
            raise Fault("InvalidArgument")
        original(call)


class UnsignedPayloadsNotImplemented(Defect):
    """SigV4, "x-amz-content-sha256": UNSIGNED-PAYLOAD is one of its words; only without TLS may it be refused."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def payload_hash(self, original: Any, given: str | None) -> str:
        if given == "UNSIGNED-PAYLOAD":
            raise Fault("NotImplemented")
        stated: str = original(given)
        return stated
