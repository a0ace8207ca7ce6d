"""Refusals and error documents."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_errors import error_of, expect_code, expect_error_document, refuses_incomplete_list
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply


@pytest.mark.parametrize("body", ["", "{}", "<html/>", "<Error>", "<!DOCTYPE a><Error><Code>a</Code></Error>"])
def test_other_bodies_are_no_error_documents(body: str) -> None:
    assert error_of(reply(403, body)) is None
    with pytest.raises(NonConformance):
        expect_error_document(reply(403, body, content_type="application/xml"))


def test_code_is_not_asked_of_head() -> None:
    expect_code(reply(404, method="HEAD"), {"NoSuchKey"})


def test_a_list_of_parts_that_is_not_complete() -> None:
    assert refuses_incomplete_list(reply(400, "<Error><Code>InvalidPart</Code></Error>"))
    assert not refuses_incomplete_list(reply(400, "<Error><Code>InvalidPartOrder</Code></Error>"))
    assert not refuses_incomplete_list(reply(200, "<Error><Code>InvalidPart</Code></Error>"))
    assert not refuses_incomplete_list(reply(400))
