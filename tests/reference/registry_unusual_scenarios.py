"""Conversations about what is unusual and allowed, in part or at once; what shows which."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.reference.registry_scenarios import BLOB, session
from tests.reference.registry_support import APP, EVERYTHING, IMAGE, KEY, Driver, descriptor, digest, with_digest

INDEX = "application/vnd.oci.image.index.v1+json"
NOWHERE = digest(b"nowhere")
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "odd_lists": (
        "HeadOfListsNotImplemented",
        "LargePagesRefused",
    ),
    "several_at_once": ("ClosingAgainAnsweredAgain",),
    "anonymous": ("ChallengeInQuotedPairs",),
    "manifest_deleted": ("UnnamedBlobsCollected",),
}


async def absent(d: Driver) -> None:
    await d.ask("GET", f"/v2/{APP}/tags/list")
    await d.ask("DELETE", f"/v2/{APP}/manifests/{NOWHERE}")
    await d.image("v1")
    await d.ask("GET", f"/v2/{APP}/tags/list")


async def odd_lists(d: Driver) -> None:
    await d.image("v1")
    await d.image("v2")
    await d.ask("DELETE", f"/v2/{APP}/manifests/v1")
    for query in ("?n=5", "?n=5000", "?n=1&n=2"):
        await d.ask("GET", f"/v2/{APP}/tags/list{query}")
    await d.ask("HEAD", f"/v2/{APP}/tags/list")
    await d.ask("GET", "/v2/_catalog?n=0")
    await d.ask("GET", "/v2/_catalog?last=b")
    await d.ask("GET", f"/v2/{APP}/blobs/uploads/")


def _claims() -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(EVERYTHING, options={"verify_signature": False})
    return claims


async def forged(d: Driver) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = KEY.private.public_key().public_bytes(serialization.Encoding.PEM, form)
    signed = ".".join([urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("="), EVERYTHING.split(".")[1]])
    made = urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).decode().rstrip("=")
    for token in (jwt.encode(_claims(), key, algorithm="ES256", headers={"jwk": public}), f"{signed}.{made}"):
        await d.ask("GET", f"/v2/{APP}/tags/list", bearer=token)


async def several_at_once(d: Driver) -> None:
    document = await d.image_document()
    subject = descriptor(b"", IMAGE, digest=NOWHERE, size=1)
    documents = [{**document, "subject": subject, "annotations": {"n": str(number)}} for number in range(3)]
    await asyncio.gather(*(d.push_manifest(each, f"t{number}") for number, each in enumerate(documents)))
    d.asked.clear()
    await d.ask("GET", f"/v2/{APP}/referrers/{NOWHERE}")
    location = with_digest(await session(d), digest(BLOB))
    closed = await asyncio.gather(*(d.ask("PUT", location, BLOB) for _ in range(2)))
    gone = await asyncio.gather(*(d.ask("DELETE", f"/v2/{APP}/manifests/t{number}") for number in range(2)))
    named, _ = await d.push_manifest(document, "kept")
    deleted = await asyncio.gather(*(d.ask("DELETE", f"/v2/{APP}/manifests/{named}") for _ in range(2)))
    await d.ask("GET", f"/v2/{APP}/tags/list")
    d.asked = d.asked[:1] + d.asked[-1:]
    for reply in (*closed, *gone, *deleted):
        d.asked.append(("", "", reply.status, [], b""))
