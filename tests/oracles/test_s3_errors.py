"""Refusals and error documents."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_errors import (
    error_of,
    expect_code,
    expect_error_document,
    expect_no_error_inside,
    expect_refusal,
    refuses_incomplete_list,
    require,
)
from conformance.vocabulary.finding import Inconclusive, NonConformance
from tests.oracles.s3_replies import reply

DENIED = "<Error><Code>AccessDenied</Code><Message>no</Message><RequestId>1</RequestId></Error>"


def test_error_document_is_read_with_or_without_namespace() -> None:
    with_namespace = DENIED.replace("<Error>", '<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')

    for body in (DENIED, with_namespace):
        error = error_of(reply(403, body))
        assert error is not None
        assert (error.code, error.message, error.resource, error.request_id) == ("AccessDenied", "no", "", "1")


@pytest.mark.parametrize("body", ["", "{}", "<html/>", "<Error>", "<!DOCTYPE a><Error><Code>a</Code></Error>"])
def test_other_bodies_are_no_error_documents(body: str) -> None:
    assert error_of(reply(403, body)) is None
    with pytest.raises(NonConformance):
        expect_error_document(reply(403, body, content_type="application/xml"))


def test_error_document_must_be_told_as_xml() -> None:
    expect_error_document(reply(403, DENIED, content_type="text/xml; charset=utf-8"))
    with pytest.raises(NonConformance, match="Content-Type"):
        expect_error_document(reply(403, DENIED, content_type="text/html"))


def test_refusal_is_by_status_first_then_by_code() -> None:
    expect_refusal(reply(403, DENIED), {403, 404}, {"AccessDenied"})
    expect_refusal(reply(403, "not XML"), 403, {"AccessDenied"})
    with pytest.raises(NonConformance):
        expect_refusal(reply(200, DENIED), {403}, {"AccessDenied"})
    with pytest.raises(NonConformance, match="NoSuchKey"):
        expect_refusal(reply(403, DENIED), {403}, {"NoSuchKey"})


def test_code_is_not_asked_of_head() -> None:
    expect_code(reply(404, method="HEAD"), {"NoSuchKey"})


def test_success_that_carries_an_error_is_none() -> None:
    expect_no_error_inside(reply(200, "<CopyObjectResult/>"))
    with pytest.raises(NonConformance):
        expect_no_error_inside(reply(200, DENIED))


def test_what_a_check_builds_on_makes_it_inconclusive() -> None:
    assert require(reply(200), "x").status == 200
    with pytest.raises(Inconclusive, match="needs x"):
        require(reply(500), "x")


def test_a_list_of_parts_that_is_not_complete() -> None:
    assert refuses_incomplete_list(reply(400, "<Error><Code>InvalidPart</Code></Error>"))
    assert not refuses_incomplete_list(reply(400, "<Error><Code>InvalidPartOrder</Code></Error>"))
    assert not refuses_incomplete_list(reply(200, "<Error><Code>InvalidPart</Code></Error>"))
    assert not refuses_incomplete_list(reply(400))
