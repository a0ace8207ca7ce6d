"""Large objects, judged while they are received."""

from __future__ import annotations

from conformance.clients.s3.streams import Comparison
from conformance.oracles.s3_objects import expect_length
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


def expect_download(reply: Exchange, compared: Comparison) -> None:
    """Expect 200 with exactly the expected bytes, and a correct Content-Length, if any."""
    expect_status(reply, 200)
    expect_length(reply, compared.expected.size)
    if not compared.equal:
        raise NonConformance(f"the {compared.expected.size} bytes that were put", str(compared), reply)
