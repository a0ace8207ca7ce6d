"""What leads to the next page of a list leads nowhere else: not back to that list from another organization's."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from conformance.clients.oauth.client import bearer
from conformance.oracles.documents import shows
from conformance.oracles.proofs import lacks
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.other_tenant import ForeignThings
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


@verifies("authorization/isolation/foreign-ids-in-queries-show-nothing")
@pytest.mark.parametrize("what", [case("cursor", "a cursor")])
def test_cursors_lead_to_nothing_foreign(platform: Platform, theirs: ForeignThings, what: str) -> None:
    """Purpose: whose list a page is of is said by its path and its reader, and not by the cursor that it is asked with.

    Method: 1. create eleven items; where their list comes in pages then, take the query of the second one
            2. as foreign, read the other organization's own list with that query
            3. expect none of the eleven in the answer, and no 5xx
    """
    judged = False
    for resource, foreign in theirs.places():
        if not (resource.create and resource.item and resource.unique):
            continue
        slugs = platform.many(resource)
        pages = platform.pages("full", platform.operation(resource, "read"), 2)
        query = urlsplit(pages[-1].url).query if len(pages) > 1 else ""
        if query:
            judged = True
            reply = platform.http.get(f"{foreign.path}?{query}", [bearer(platform.oauth.token("foreign"))])
            expect_no_server_error(reply)
            if shown := [each for each in slugs if shows(reply, each)]:
                expected = f"nothing of another organization for {what} of its list"
                raise NonConformance(expected, f"{shown[0]} in it", pages[-1], reply, proof=lacks(reply, shown[0]))
    if not judged:
        raise NotApplicable("no list with its like in another organization comes in pages")
