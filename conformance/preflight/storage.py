"""Preflight of the S3 gateway: the key opens every bucket, an object is written, probed for features and removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from conformance.oracles.s3_errors import CODE, error_of, xml_root
from conformance.preflight.contact import Contact, Failed, measure, not_the_surface, run_name
from conformance.preflight.state import NOT_OBSERVABLE, NOT_OBSERVED, OBSERVED, SurfaceState, mending
from conformance.target.description import Storage
from conformance.vocabulary.exchange import Exchange

LARGEST_SKEW_S = 900
KEY = "access key"
WRONG_CRC32 = "AAAAAA=="


@dataclass
class Gateway:
    """Sends requests signed with Signature Version 4 by botocore."""

    contact: Contact
    storage: Storage

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Exchange:
        """Send a signed request; ``path`` begins with the bucket."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        url = f"{self.storage.endpoint}/{path}"
        request: Any = AWSRequest(method, url, headers=headers or {}, data=body)
        keys = Credentials(self.storage.access_key.reveal(), self.storage.secret_key.reveal())
        S3SigV4Auth(keys, "s3", self.storage.region).add_auth(request)
        return self.contact.ask(method, url, [(name, str(value)) for name, value in request.headers.items()], body)


def probe(contact: Contact, state: SurfaceState) -> None:
    """Fill in the state of the storage surface."""
    storage = contact.target.storage
    if storage is None:
        return
    gateway = Gateway(contact, storage)
    listing = _listing(storage.buckets[0])
    cause = not_the_surface(contact.first(state, lambda: gateway.ask("GET", listing), "/"), "XML")
    if cause:
        state.unreachable(cause)
        return
    state.ok(f"answers at {storage.endpoint}")
    measure(state, contact, "GET", f"/{listing}")
    if state.clock_skew_s is not None and abs(state.clock_skew_s) > LARGEST_SKEW_S:
        state.fail("the clocks are too far apart for signed requests (15 minutes)")
    if _buckets(gateway, state):
        paths = (listing, f"{storage.buckets[0]}/{run_name()}")
        replies = [contact.attempt(state, partial(gateway.ask, "GET", path)) for path in paths]
        if replies[0] and replies[1]:
            state.compare(replies[0], replies[1], "the listing of a bucket and to a GET of a missing key")
        _writes(gateway, state)


def _buckets(gateway: Gateway, state: SurfaceState) -> bool:
    state.credentials[KEY] = "ok"
    listed = {each: _listed(gateway, state, each) for each in gateway.storage.buckets}
    replies = {bucket: reply for bucket, reply in listed.items() if reply is not None}
    if replies and all(400 <= reply.status < 500 for reply in replies.values()):
        answers = ", ".join(f"{bucket} is answered {_response_text(reply)}" for bucket, reply in replies.items())
        state.locked = (
            f"the access key, region and buckets of the target file open nothing: {answers}{_signature_hint(answers)}"
        )
        state.mend = mending("storage", gateway.storage.access_key, gateway.storage.secret_key)
    for bucket, reply in replies.items():
        if reply.ok:
            state.ok(f"the key opens the bucket {bucket}")
        else:
            state.role(KEY, f"the bucket {bucket} is answered {_response_text(reply)}")
    foreign = gateway.storage.foreign_bucket
    opened = _listed(gateway, state, foreign) if foreign is not None else None
    if opened is not None and opened.ok:
        state.warn(f"the key opens {foreign}, which is described as another organization's")
    return state.credentials[KEY] == "ok"


def _listed(gateway: Gateway, state: SurfaceState, bucket: str) -> Exchange | None:
    return gateway.contact.attempt(state, lambda: gateway.ask("GET", _listing(bucket)))


def _listing(bucket: str) -> str:
    return f"{bucket}?list-type=2&max-keys=1"


def _signature_hint(detail: str) -> str:
    """Return possible causes if the target reports a wrong signature, else ""."""
    if "SignatureDoesNotMatch" not in detail:
        return ""
    return "; is the secret key or the region wrong, or does a proxy change the Host, path or query that is signed?"


def _response_text(reply: Exchange) -> str:
    error = error_of(reply)
    return f"{reply.status} {error.code[:64]}" if error and CODE.match(error.code) else str(reply.status)


def _writes(gateway: Gateway, state: SurfaceState) -> None:
    bucket = gateway.storage.buckets[0]
    path = f"{bucket}/{run_name()}"
    written = gateway.contact.attempt(state, lambda: gateway.ask("PUT", path, body=b"preflight"))
    if written is None:
        return
    if not written.ok:
        state.fail(f"nothing can be written to {bucket}: {_response_text(written)}")
        return
    try:
        _features(gateway, state, path)
    finally:
        _remove(gateway, state, path)


def _remove(gateway: Gateway, state: SurfaceState, path: str) -> None:
    bucket, _, key = path.partition("/")
    try:
        reply = gateway.ask("DELETE", path)
    except Failed as failure:
        state.fail(f"{key} is left in {bucket}: {failure}")
        return
    if reply.ok:
        state.ok(f"an object can be written to {bucket} and removed")
    else:
        state.fail(f"{key} is left in {bucket}: its removal is answered {_response_text(reply)}")


def _opens_an_upload(gateway: Gateway, path: str) -> bool:
    """Return whether a multipart upload can be opened; it is aborted at once."""
    opened = gateway.ask("POST", f"{path}?uploads")
    document = xml_root(opened) if opened.ok else None
    upload = document.findtext("UploadId") if document is not None else None
    if not upload:
        return False
    gateway.ask("DELETE", f"{path}?uploadId={quote(upload, safe='')}")
    return True


def _features(gateway: Gateway, state: SurfaceState, path: str) -> None:
    """Probe the features on an object of the preflight."""
    features: dict[str, Callable[[], bool]] = {
        "storage.multipart": lambda: _opens_an_upload(gateway, path),
        "storage.tagging": lambda: _has_tags(gateway, path),
        "storage.conditional-write": lambda: _put(gateway, path, {"If-None-Match": "*"}).status == 412,
        "storage.checksums": lambda: _put(gateway, path, {"x-amz-checksum-crc32": WRONG_CRC32}).status == 400,
    }
    for name, look in features.items():
        works = gateway.contact.attempt(state, look)
        observation = NOT_OBSERVABLE if works is None else OBSERVED if works else NOT_OBSERVED
        state.feature(name, observation, gateway.contact.target.features)


def _has_tags(gateway: Gateway, path: str) -> bool:
    reply = gateway.ask("GET", f"{path}?tagging")
    return reply.ok and b"TagSet" in reply.body


def _put(gateway: Gateway, path: str, headers: dict[str, str]) -> Exchange:
    return gateway.ask("PUT", path, headers, b"preflight")
