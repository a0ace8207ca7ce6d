"""What an SDK reports is a finding, unless it was asked to slow down."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from conformance.clients.sdk import sdk_succeeds
from conformance.vocabulary.finding import Inconclusive, NonConformance


@pytest.mark.parametrize(
    ("code", "kind"),
    [("SlowDown", Inconclusive), ("TooManyRequests", Inconclusive), ("InternalError", NonConformance)],
)
def test_an_error_of_the_sdk_is_a_finding_unless_it_asks_to_wait(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=code), sdk_succeeds("get an object"):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")
