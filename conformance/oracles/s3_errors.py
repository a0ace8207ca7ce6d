"""S3 error documents, and refusals by status and code (Amazon S3 API Reference, "Error responses")."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from conformance.oracles.status import expect_status, listed, observed, unlike
from conformance.vocabulary.documents import parsed_xml
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, literal, wrong_body
from conformance.vocabulary.wording import field_of

XML_TYPES = ("application/xml", "text/xml")
REFUSED = frozenset({400, 401, 403})
"""The refusals of an invalid signature: S3 has 403, and 400 if it is malformed; the API Reference has 401."""
NOT_IN_TIME = frozenset({"RequestTimeTooSkewed", "InvalidRequest"})
"""The codes for a request time in the past or future: S3 has a special code and the general InvalidRequest."""
CODE = re.compile(r"^[A-Za-z][A-Za-z0-9._]*$")


@dataclass(frozen=True)
class S3Error:
    """The elements of an error document; "" for a missing one."""

    code: str
    message: str
    resource: str
    request_id: str


def xml_root(reply: Exchange) -> ElementTree.Element | None:
    """Return the root of the XML body, names without namespace; None if it is not well-formed."""
    try:
        root = parsed_xml(reply.body)
    except ValueError:
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def error_of(reply: Exchange) -> S3Error | None:
    """Return the error document of a response, or None."""
    root = xml_root(reply)
    if root is None or root.tag != "Error":
        return None
    texts = (root.findtext(name) or "" for name in ("Code", "Message", "Resource", "RequestId"))
    return S3Error(*texts)


def expect_error_document(reply: Exchange) -> S3Error:
    """Expect an S3 error document in XML with Code and Message; return it."""
    error = error_of(reply)
    if error is None or not CODE.match(error.code):
        expected = "an S3 error document, <Error> with <Code> and <Message>"
        raise NonConformance(expected, observed(reply), reply)
    if reply.media_type not in XML_TYPES:
        expected = "Content-Type: application/xml on an error document"
        raise NonConformance(expected, field_of(reply, "Content-Type"), reply)
    return error


def expect_described_error(reply: Exchange) -> None:
    """Expect an S3 error document with a non-empty Message."""
    if not expect_error_document(reply).message:
        raise NonConformance("an error document with a <Message>", observed(reply), reply)


def expect_code(reply: Exchange, codes: Collection[str], because: str = "") -> None:
    """Expect one of these codes in the error document; the response to HEAD has none."""
    if reply.method == "HEAD" or not codes:
        return
    error = error_of(reply)
    if error is None or error.code not in codes:
        reason = f" {because}" if because else ""
        named = wrong_body(f"<Code>({'|'.join(map(literal, sorted(codes)))})</Code>")
        raise NonConformance(f"code {listed(codes)}{reason}", observed(reply), reply, deviation=named)


def expect_refusal(
    reply: Exchange, statuses: int | Iterable[int], codes: Collection[str] = (), because: str = ""
) -> None:
    """Expect a refusal: one of these statuses and, if codes are given and there is a document, one of these codes.

    Give codes only if a source names the code for this very case: servers have further codes. Another promise covers
    the document itself (``expect_error_document``).
    """
    expect_status(reply, statuses, because)
    if codes and error_of(reply) is not None:
        expect_code(reply, codes, because)


def expect_bucket_refused(reply: Exchange, need_not_be_offered: bool = False) -> None:
    """Expect 403 or 404 for a bucket of another organization or an absent one.

    A gateway may refuse an optional operation, such as a multipart upload, in any bucket: 405 or 501.
    """
    statuses, codes = {403, 404}, {"AccessDenied", "NoSuchBucket"}
    if need_not_be_offered:
        statuses, codes = statuses | {405, 501}, codes | {"MethodNotAllowed", "NotImplemented"}
    expect_refusal(reply, statuses, codes)


def refuses_incomplete_list(reply: Exchange) -> bool:
    """Return whether a completion is refused because its list of parts is incomplete.

    S3 API Reference, CompleteMultipartUpload: "You must ensure that the parts list is complete."
    """
    error = error_of(reply)
    return reply.status == 400 and error is not None and error.code == "InvalidPart"


def expect_failed_completion(reply: Exchange, statuses: int | Iterable[int], codes: Collection[str] = ()) -> None:
    """Expect a failed completion or copy: a refusal, or 200 with an error document in the body.

    S3 API Reference, CompleteMultipartUpload: "A request could fail after the initial 200 OK response has been sent."
    CopyObject: "If the error occurs during the copy operation, the error response is embedded in the 200 OK response."
    """
    if reply.status == 200 and error_of(reply) is not None:
        expect_code(reply, codes)
    elif reply.status == 200:
        expect_status(reply, statuses)
    else:
        expect_refusal(reply, statuses, codes)


def expect_no_error_inside(reply: Exchange, because: str = "") -> None:
    """Expect 2xx without an error document: a copy or completion may return 200 and fail later."""
    expected = f"2xx without an error document{f' {because}' if because else ''}"
    if not reply.ok:
        raise unlike(expected, reply, range(200, 300))
    if error_of(reply) is not None:
        raise NonConformance(expected, observed(reply), reply)


def require(reply: Exchange, needs: str) -> Exchange:
    """Return the response to a preparing request; Inconclusive if it fails."""
    if not reply.ok or (error_of(reply) is not None and reply.method in {"PUT", "POST"}):
        raise Inconclusive(f"the {reply.method} that prepares the check is refused: {observed(reply)}", needs)
    return reply
