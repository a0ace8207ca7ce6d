"""An S3 error document is well-formed and has a code that fits the status."""

from __future__ import annotations

import pytest

from conformance.evidence.judgements import DETAIL
from conformance.evidence.judgements.error_documents import MISMATCHED, NO_CODE, UNREADABLE, UNTYPED, document_flaw
from conformance.vocabulary.exchange import Exchange, Headers

CODED = b"<Error><Code>NoSuchKey</Code><Message>m</Message></Error>"


def refused(
    body: bytes, status: int = 404, path: str = "/bucket/key", length: int | None = None, of: str = "application/xml"
) -> Exchange:
    told = Headers([("content-type", of), *([] if length is None else [("content-length", str(length))])])
    return Exchange("x-1", "GET", f"http://h{path}", Headers([]), b"", status, told, body, 0.0, 0.0)


@pytest.mark.parametrize(
    "body",
    [
        CODED,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + CODED,
        b'<s3:Error xmlns:s3="urn:s3"><s3:Code><!-- why --><![CDATA[NoSuchKey]]></s3:Code></s3:Error>',
        b"",
        b"<html><Error></html>",
        b"<!DOCTYPE Error><Error/>",
        b"<ErrorPage>",
    ],
)
def test_a_correct_error_document_passes(body: bytes) -> None:
    assert not document_flaw(refused(body))


def test_a_missing_code_is_reported() -> None:
    two = CODED.replace(b"<Code>", b"<Code>NoSuchBucket</Code><Code>")
    for body in (b"<Error/>", b"<Error><Code> </Code></Error>", CODED.replace(b"Code>", b"code>")):
        assert document_flaw(refused(body)) == NO_CODE
        assert not document_flaw(refused(body, 200))
    assert document_flaw(refused(two)) == f"{NO_CODE}{DETAIL}2 of them"


def test_malformed_xml_is_reported_unless_it_was_cut() -> None:
    broken = CODED.replace(b">m<", b">&<")

    assert document_flaw(refused(broken)) == UNREADABLE
    assert not document_flaw(refused(broken, length=len(broken) + 1))
    assert not document_flaw(refused(broken, path="/bucket/%01"))


def test_a_wrong_media_type_is_reported() -> None:
    for of, told in (("text/html", "text/html"), ("a/" + "b" * 100, "a/" + "b" * 78), ("", "no Content-Type")):
        assert document_flaw(refused(CODED, of=of)) == f"{UNTYPED}{DETAIL}{told}"
    assert not document_flaw(refused(CODED, of="text/xml; charset=utf-8"))
    assert not document_flaw(refused(b"<html/>", of="text/html"))


def test_a_code_of_another_status_is_reported() -> None:
    assert document_flaw(refused(CODED, 403)) == f"{MISMATCHED}{DETAIL}NoSuchKey with 403"
    denied = refused(CODED.replace(b"NoSuchKey", b"AccessDenied"))
    assert document_flaw(denied) == f"{MISMATCHED}{DETAIL}AccessDenied with 404"
    for status in (400, 401, 403):
        assert not document_flaw(refused(CODED.replace(b"NoSuchKey", b"AccessDenied"), status))
    assert not document_flaw(refused(CODED.replace(b"NoSuchKey", b"OfAProduct"), 409))
