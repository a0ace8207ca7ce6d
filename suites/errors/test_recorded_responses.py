"""Every response of the run is judged: no repeated 500, duplicate field, unlabelled JSON or 405 without Allow."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from conformance.evidence.judgements.content_type import UNDECLARED_JSON
from conformance.evidence.judgements.duplicates import FIELD, NAME
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.recorder import Recorder
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.whole_run import expect_no_flaw, expect_none, failed_again
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import concludes, row, verifies


@verifies("errors/5xx/no-repeated-server-error")
@concludes()
def test_no_repeated_server_error(platform: Platform, recorder: Recorder) -> None:
    """Purpose: a method that always fails may be one that no other check covers.
    Method: 1. send OPTIONS to each resource and item, and GET second pages with a doubled query; expect no repeated 5xx
            2. expect no method of a resource with two 500 responses in the whole run
    """
    operations = [replace(each, method="OPTIONS") for each in platform.operations("read", "read-item")]
    for read in platform.operations("read"):
        second = [page.url for page in platform.pages("full", read, 2)[1:]]
        operations += [replace(read, path=f"{each}&{urlsplit(each).query}") for each in second]
    for operation in operations:
        if platform.as_role("full", operation).status >= 500:
            expect_no_server_error(platform.as_role("full", operation), f"for {operation}, again")
    expect_none(recorder, failed_again(recorder), "no 500 of a method of a resource twice", "one of several")


@concludes()
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        row("errors/shape/single-header-fields", FIELD, "each field of one value in one line"),
        row("errors/shape/unique-member-names", NAME, "each name of an object once"),
    ],
)
def test_fields_and_members_are_unique(platform: Platform, recorder: Recorder, wrong: str, expected: str) -> None:
    """Purpose: clients differ in which of two values they use.
    Method: 1. read each declared resource and item, and create one
            2. in all responses of the run expect single-valued fields once, and unique names in JSON objects
    """
    for operation in platform.operations("read"):
        platform.as_role("full", operation)
    for resource in platform.resources:
        if resource.create and resource.item:
            platform.as_role("full", platform.operation(resource, "read-item", platform.new_item(resource)))
    expect_no_flaw(recorder, "identity", wrong, expected)


@verifies("errors/shape/json-content-type")
@concludes()
def test_json_has_a_content_type(platform: Platform, recorder: Recorder) -> None:
    """Purpose: a browser must not run JSON as a page, and a client library must recognize it.
    Method: 1. read each declared resource with its pages
            2. in all responses of the run expect no JSON as a page, XML, a form or without a Content-Type
    """
    for resource in platform.resources:
        if resource.create and resource.item:
            platform.many(resource)
        platform.pages("full", platform.operation(resource, "read"))
    expect_no_flaw(recorder, "identity", UNDECLARED_JSON, "JSON with its Content-Type")


@verifies("errors/405/unsupported-method#whole-run")
@concludes()
def test_no_405_without_allow(platform: Platform, recorder: Recorder) -> None:
    """Purpose: a client learns the supported methods from any 405 response.
    Method: 1. send PUT and PATCH without a body to each declared resource, and PUT to the token endpoint
            2. expect Allow, which may be empty, in each 405 response of the run, other than a firewall's page
    """
    methods = ("PUT", "PATCH")
    for operation in platform.operations("read"):
        create = operation.resource.create
        for method in [each for each in methods if each not in (operation.method, create and create.method)]:
            platform.as_role("full", operation, method=method)
    platform.oauth.post(b"", (), method=methods[0])
    expect_no_flaw(recorder, "identity", NO_ALLOW, "405 with Allow")
