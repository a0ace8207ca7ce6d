"""The oracles of a registry's refusals: the form of the document, and the codes in it."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.oracles.registry_errors import codes_in, expect_code, expect_error_document, expect_missing_reported
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer


def error(code: Any, **fields: str) -> Exchange:
    return answer(404, {"errors": [{"code": code, "message": "m"}]}, content_type="application/json", **fields)


def test_a_refusal_in_plain_text_is_no_error_document_and_no_finding() -> None:
    assert expect_error_document(answer(404, b"not found", content_type="text/plain")) == []


@pytest.mark.parametrize(
    "reply",
    [
        error("blob_unknown"),
        error(None),
        answer(400, {"errors": []}, content_type="application/json"),
        answer(400, {"errors": {"code": "X"}}, content_type="application/json"),
        answer(400, {"error": "x"}, content_type="application/json"),
        answer(400, b"<html>", content_type="application/json"),
        answer(400, b'{"message": "x"}', content_type="text/plain"),
    ],
)
def test_what_is_json_and_no_error_document_is_a_finding(reply: Exchange) -> None:
    with pytest.raises(NonConformance):
        expect_error_document(reply)


def test_a_code_is_read_where_there_is_one_and_its_form_is_for_others() -> None:
    assert codes_in(error("name_unknown")) == ["NAME_UNKNOWN"]
    expect_code(error("name_unknown"), "NAME_UNKNOWN")
    for body in ({"errors": [{"message": "m"}]}, {"errors": "NAME_UNKNOWN"}, {"code": "A"}, ["A"], b"A"):
        assert codes_in(answer(404, body)) == []
        expect_code(answer(404, body), "NAME_UNKNOWN")


def test_what_a_manifest_lacks_is_told_once_for_each_by_either_specification() -> None:
    def refused(*codes: str) -> Exchange:
        errors = [{"code": code, "message": "m"} for code in codes]
        return answer(400, {"errors": errors}, content_type="application/json")

    docker, oci = "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"
    expect_missing_reported(refused(docker, oci), 2)
    expect_missing_reported(refused(oci), child=True)
    with pytest.raises(
        NonConformance, match=r'2 errors with the code MANIFEST_BLOB_UNKNOWN; observed 400 with the codes \["BLOB_UNK'
    ):
        expect_missing_reported(refused(docker), 2)
    with pytest.raises(NonConformance, match="expected 1 error with the code MANIFEST_BLOB_UNKNOWN"):
        expect_missing_reported(refused(docker), child=True)
