"""S3 error documents, and refusals by status and code (Amazon S3 API Reference, "Error responses")."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from conformance.oracles.proofs import says_something
from conformance.oracles.status import expect_status, listed, observed, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.wording import field_of

XML_TYPES = ("application/xml", "text/xml")
REFUSED = frozenset({400, 401, 403})
"""How what nobody has signed so is refused: S3 has 403, and 400 for what is malformed, the API Reference 401."""
NOT_IN_TIME = frozenset({"RequestTimeTooSkewed", "InvalidRequest"})
"""What is too old or of the future: S3 has a code for it, and InvalidRequest for what has none of its own."""
CODE = re.compile(r"^[A-Za-z][A-Za-z0-9._]*$")


@dataclass(frozen=True)
class S3Error:
    """What an error document says; "" for an element that it does not have."""

    code: str
    message: str
    resource: str
    request_id: str


def xml_root(reply: Exchange) -> ElementTree.Element | None:
    """The root of the XML body, names without their namespace; None where it is no well-formed XML."""
    # Whatever the encoding: what stands between its characters in UTF-16 and UTF-32 is left out.
    if b"<!DOCTYPE" in reply.body.replace(b"\0", b""):
        return None
    try:
        root = ElementTree.fromstring(reply.body)  # noqa: S314 (no DTD, so no entity can be declared)
    except (ElementTree.ParseError, LookupError, ValueError):
        # The last two: an encoding that is none, or that the parser does not know.
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def error_of(reply: Exchange) -> S3Error | None:
    """The error document of an answer, or None where its body is not one."""
    root = xml_root(reply)
    if root is None or root.tag != "Error":
        return None
    texts = (root.findtext(name) or "" for name in ("Code", "Message", "Resource", "RequestId"))
    return S3Error(*texts)


def expect_error_document(reply: Exchange) -> S3Error:
    """The body is an S3 error document in XML with Code and Message; returns it."""
    error = error_of(reply)
    if error is None or not CODE.match(error.code):
        proof = Proof(reply.id, matches="<Error.*<Code>[A-Za-z][A-Za-z0-9._]*</Code>")
        wanted = "an S3 error document, <Error> with <Code> and <Message>"
        raise NonConformance(wanted, observed(reply), reply, proof=proof)
    if reply.media_type not in XML_TYPES:
        wanted = "Content-Type: application/xml on an error document"
        proof = Proof(reply.id, fields_match=(("Content-Type", "^(application|text)/xml *(;|$)"),))
        raise NonConformance(wanted, field_of(reply, "Content-Type"), reply, proof=proof)
    return error


def expect_described_error(reply: Exchange) -> None:
    """The body is an S3 error document, and its Message is not empty."""
    if not expect_error_document(reply).message:
        raise NonConformance("a <Message>", reply.text[:200], reply, proof=says_something(reply, "Message"))


def expect_code(reply: Exchange, codes: Collection[str], because: str = "") -> None:
    """The error document's code is one of these; a HEAD answer has no body, so nothing is asked of it."""
    if reply.method == "HEAD" or not codes:
        return
    error = error_of(reply)
    if error is None or error.code not in codes:
        told = f" {because}" if because else ""
        proof = Proof(reply.id, matches=f"<Code>({'|'.join(sorted(codes))})</Code>")
        raise NonConformance(f"code {listed(codes)}{told}", observed(reply), reply, proof=proof)


def expect_refusal(
    reply: Exchange, statuses: int | Iterable[int], codes: Collection[str] = (), because: str = ""
) -> None:
    """The answer is a refusal: status one of these and, where codes are given and there is a document, code too.

    Give codes only where a source names the code for this very case. Otherwise any error with a status of the right
    class passes, since servers have codes of their own. That an error has a document is a promise of its own
    (``expect_error_document``).
    """
    expect_status(reply, statuses, because)
    if codes and error_of(reply) is not None:
        expect_code(reply, codes, because)


def expect_out_of_reach(reply: Exchange, need_not_be_offered: bool = False) -> None:
    """A refusal for a bucket that is another organization's or that there is not: 403 or 404.

    What a gateway need not offer, uploads in parts say, it may refuse in whichever bucket: 405 or 501.
    """
    statuses, codes = {403, 404}, {"AccessDenied", "NoSuchBucket"}
    if need_not_be_offered:
        statuses, codes = statuses | {405, 501}, codes | {"MethodNotAllowed", "NotImplemented"}
    expect_refusal(reply, statuses, codes)


def refuses_incomplete_list(reply: Exchange) -> bool:
    """Whether a completion is refused for parts that it does not name.

    S3 API Reference, CompleteMultipartUpload: "You must ensure that the parts list is complete."
    """
    error = error_of(reply)
    return reply.status == 400 and error is not None and error.code == "InvalidPart"


def expect_failed_completion(reply: Exchange, statuses: int | Iterable[int], codes: Collection[str] = ()) -> None:
    """A completion, or a copy, that failed: a refusal, or 200 that began too early and ends in an error document.

    S3 API Reference, CompleteMultipartUpload: "A request could fail after the initial 200 OK response has been sent."
    CopyObject: "If the error occurs during the copy operation, the error response is embedded in the 200 OK response."
    """
    if reply.status == 200 and error_of(reply) is not None:
        expect_code(reply, codes)
    elif reply.status == 200:
        coded = f"<Code>({'|'.join(sorted(codes))})</Code>" if codes else "<Error[ >]"
        expect_status(reply, statuses, unless=((reply.id, coded),))
    else:
        expect_refusal(reply, statuses, codes)


def expect_no_error_inside(reply: Exchange, because: str = "") -> None:
    """The answer is 2xx and its body is no error document: copy and completion may say 200 and then fail."""
    wanted = f"2xx without an error document{f' {because}' if because else ''}"
    if not reply.ok:
        raise unlike(wanted, reply, range(200, 300))
    if error_of(reply) is not None:
        raise NonConformance(wanted, observed(reply), reply, proof=Proof(reply.id, lacks="<Error"))


def require(reply: Exchange, needs: str) -> Exchange:
    """The answer to a request that the check builds on: not 2xx, and the check cannot judge."""
    if not reply.ok or (error_of(reply) is not None and reply.method in {"PUT", "POST"}):
        raise Inconclusive(f"the check's own {reply.method} was refused: {observed(reply)}", needs)
    return reply
