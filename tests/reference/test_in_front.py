"""What stands in front: it refuses who does not say who asks, and compresses for who does not say how it may come."""

from __future__ import annotations

import gzip

import pytest
from starlette.datastructures import Headers

from conformance.reference.defects.base import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.variants import in_front

FRONTS = [
    in_front.IdentityBehindAFirewall,
    in_front.RegistryBehindAFirewall,
    in_front.StorageBehindAFirewall,
    in_front.WebhooksBehindAFirewall,
]


def asked(**fields: str) -> Request:
    return Request("GET", "/", "", Headers({name.replace("_", "-"): value for name, value in fields.items()}), b"")


@pytest.mark.parametrize("front", FRONTS)
def test_who_does_not_say_who_asks_is_refused(front: type[Variant]) -> None:
    refused = front().intercept(asked(accept_encoding="identity"))
    assert refused is not None and refused.status == 403
    assert front().intercept(asked(user_agent="any/1")) is None


@pytest.mark.parametrize("front", FRONTS)
def test_what_may_come_in_any_coding_is_compressed(front: type[Variant]) -> None:
    answer = front().rewrite(asked(user_agent="any/1"), Answer(200, b"content"))
    assert (gzip.decompress(answer.body), answer.headers["content-encoding"]) == (b"content", "gzip")
    as_it_is = front().rewrite(asked(accept_encoding="identity"), Answer(200, b"content"))
    assert (as_it_is.body, "content-encoding" in as_it_is.headers) == (b"content", False)
    assert front().rewrite(asked(), Answer(204)).body == b""
