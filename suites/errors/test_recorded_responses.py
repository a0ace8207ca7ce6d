"""Every response of the run is judged: no repeated 500, duplicate field, unlabelled JSON or 405 without Allow."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from conformance.evidence.judgements.doubled import FIELD, NAME
from conformance.evidence.judgements.methods import NO_ALLOW
from conformance.evidence.judgements.untold import UNTOLD
from conformance.evidence.recorder import Recorder
from conformance.oracles.status import expect_no_server_error
from conformance.oracles.whole_run import expect_no_flaw, expect_none, failed_again, once_each
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, concludes, row, verifies
from conformance.vocabulary.finding import Proof


@verifies("errors/5xx/no-repeated-server-error")
@concludes()
def test_nothing_fails_again_and_again(platform: Platform, recorder: Recorder) -> None:
    """Purpose: no method of a resource has a fault of its own, of which no other check is.

    Method: 1. ask each declared thing for its methods (OPTIONS), and for the second page of a list by what leads to it
               written twice; and again where that is 5xx: expect none, 501 aside
            2. of all answers before, whatever was asked, expect no 500 that a method of a resource gave twice
    """
    asked = [replace(each, method="OPTIONS") for each in platform.operations("read", "read-item")]
    for read in platform.operations("read"):
        second = [page.url for page in platform.pages("full", read, 2)[1:]]
        asked += [replace(read, path=f"{each}&{urlsplit(each).query}") for each in second]
    for operation in asked:
        if platform.as_role("full", operation).status >= 500:
            expect_no_server_error(platform.as_role("full", operation), f"for {operation}, again")
    proof = Proof(statuses=(*range(200, 500), 501))
    expect_none(recorder, failed_again(recorder), "no 500 of a method of a resource twice", "one of several", proof)


@concludes()
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        row("errors/shape/single-header-fields", FIELD, "each field of one value in one line"),
        row("errors/shape/unique-member-names", NAME, "each name of an object once"),
    ],
)
def test_nothing_stands_twice(platform: Platform, recorder: Recorder, wrong: str, expected: str) -> None:
    """Purpose: whoever reads an answer reads what every other reader does: of two values each takes the one it likes.

    Method: 1. read each declared resource and an item of it, and create one
            2. in these answers and all that were given before, with tokens and keys among them, whatever was asked,
               expect Content-Type, Location, ETag and their like in one line, and in each JSON object each name once
    """
    for operation in platform.operations("read"):
        platform.as_role("full", operation)
    for resource in platform.resources:
        if resource.create and resource.item:
            platform.as_role("full", platform.operation(resource, "read-item", platform.new_item(resource)))
    unread = Proof(beyond="a script does not read JSON; what stands twice is seen in the body, which is shown here")
    expect_no_flaw(recorder, "identity", wrong, expected, once_each(recorder, "identity") if wrong == FIELD else unread)


@verifies("errors/shape/json-content-type")
@concludes()
def test_json_is_told(platform: Platform, recorder: Recorder) -> None:
    """Purpose: what is JSON is read as JSON, by client libraries, and by a browser that would run a page.

    Method: 1. read each declared resource, with its pages where items of its own fill more than one
            2. in these answers and all that were given before, expect no JSON object or list that is given as a page,
               as XML, as a form or without a Content-Type
    """
    for resource in platform.resources:
        if resource.create and resource.item:
            platform.many(resource)
        platform.pages("full", platform.operation(resource, "read"))
    proof = Proof(fields_match=(("Content-Type", "json|text/plain"),))
    expect_no_flaw(recorder, "identity", UNTOLD, "JSON with its Content-Type", proof)


@verifies("errors/405/unsupported-method")
@concludes()
@pytest.mark.parametrize("methods", [case("whole-run", ("PUT", "PATCH"))])
def test_no_405_without_allow(platform: Platform, recorder: Recorder, methods: tuple[str, ...]) -> None:
    """Purpose: a caller is told which methods there are, whichever it used, and of whatever.

    Method: 1. send each declared read resource PUT and PATCH without a body, unless it is declared to take that, and
               the token endpoint PUT
            2. where that is 405, and in every other 405 to a common method that the run was given before by an identity
               API, expect Allow, which may be empty; a page may be that of a firewall
    """
    for operation in platform.operations("read"):
        create = operation.resource.create
        for method in [each for each in methods if each not in (operation.method, create and create.method)]:
            platform.as_role("full", operation, method=method)
    platform.oauth.post(b"", (), method=methods[0])
    proof = Proof(fields_match=(("Allow", "^"),))
    expect_no_flaw(recorder, "identity", NO_ALLOW, "405 with Allow", proof)
