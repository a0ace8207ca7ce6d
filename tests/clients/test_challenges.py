"""How a client reads challenges: what stands in quotation marks is no challenge, and an address may lack them."""

from __future__ import annotations

import pytest

from conformance.clients.registry.challenges import asks_for_no_scope, challenges
from tests.oracles.replies import reply


@pytest.mark.parametrize(
    ("value", "schemes", "realm"),
    [
        (
            'Digest realm="a, Bearer realm=\\"b\\"", nonce="1,2", Bearer realm="http://r/t"',
            ["digest", "bearer"],
            "http://r/t",
        ),
        ("Bearer realm=http://r/t,service=s", ["bearer"], "http://r/t"),
    ],
)
def test_challenges(value: str, schemes: list[str], realm: str) -> None:
    found = challenges(reply(401, {}, {"WWW-Authenticate": value}))

    assert [each.scheme for each in found] == schemes
    assert found[-1].parameters["realm"] == realm


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        (401, 'Bearer realm="a"', True),
        (401, 'Bearer realm="a", scope="registry:catalog:*"', False),
        (401, 'Basic realm="a"', False),
        (200, 'Bearer realm="a"', False),
    ],
)
def test_asks_for_no_scope(status: int, value: str, expected: bool) -> None:
    assert asks_for_no_scope(reply(status, {}, {"WWW-Authenticate": value})) is expected
