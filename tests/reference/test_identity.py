"""The identity surface answers a registry scope of any text without a 5xx.

The suite's own properties send any form, body and Authorization to the reference in every whole run.
"""

from __future__ import annotations

import asyncio

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.identity import Identity
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application

APPLICATION = Application(Identity(Seeds(), SigningKey()))


async def asked(url: str) -> int:
    transport = httpx.ASGITransport(app=APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://identity.test") as client:
        return (await client.get(url)).status_code


@settings(max_examples=40, deadline=None)
@given(
    query=st.binary(max_size=30).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
    plain=st.text("aA%=&+,:/ *", max_size=20),
)
def test_registry_scopes_of_any_text(query: str, plain: str) -> None:
    for text in (query, plain.replace("%", "%25").replace("&", "%26")):
        assert asyncio.run(asked(f"/registry/token?service=x&scope={text}")) in {200, 400}
