"""The client of the S3 gateway: path-style requests with one access key, without retries.

``S3`` makes, signs and sends requests; ``Bucket`` has the operations. ``send_as_is`` sends requests that a check
altered after signing. Keys are text or bytes, and are percent-encoded without normalisation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from conformance.clients.http import HttpClient
from conformance.clients.s3.bodies import completion_document, content_md5, delete_document, tagging_document
from conformance.clients.s3.sigv4 import Keys, Pairs, Request, Signing, encoded, presign, sha256_hex, sign
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import seconds_of_date

SIGNED = "s3-signed"
"""The client name, in the evidence, of correctly signed requests, perhaps with another secret or payload hash."""
NEVER_ISSUED = {"access_key": "CFUNKNOWNKEY00000001", "secret_key": "no-such-secret"}
Fields = Mapping[str, str]
NO_FIELDS: Fields = {}


def _pairs(fields: Fields) -> Pairs:
    return tuple(fields.items())


class S3:
    """The gateway as one access key sees it."""

    def __init__(self, http: HttpClient, keys: Keys, wrong_secret: str = "") -> None:
        self.keys = keys
        self.wrong_secret = wrong_secret
        self.signed = http.labelled(f"{SIGNED}{f' with {wrong_secret}' if wrong_secret else ''}")
        self.raw = http.labelled("s3-raw")
        parts = urlsplit(http.base_url)
        default = {"http": ":80", "https": ":443"}[parts.scheme]
        self.host = parts.netloc.removesuffix(default)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.base_path = parts.path

    def with_keys(self, **changes: str) -> S3:
        """Return the gateway with another access key, secret or scope, and shared connections."""
        secret = changes.get("secret_key", self.keys.secret_key)
        shown_secret = self.raw.recorder.redactor.text(secret) if secret != self.keys.secret_key else self.wrong_secret
        return S3(self.raw, replace(self.keys, **changes), shown_secret)

    def impatient(self) -> S3:
        """Return a client of the gateway that returns a 429 or SlowDown at once."""
        return S3(self.raw.impatient(), self.keys, self.wrong_secret)

    def request(
        self,
        method: str,
        bucket: str = "",
        key: str | bytes = "",
        query: Fields = NO_FIELDS,
        headers: Fields = NO_FIELDS,
        body: bytes = b"",
    ) -> Request:
        """Return an unsigned request with its Host."""
        path = f"{self.base_path}/{encoded(bucket)}"
        if key:
            path += "/" + encoded(key, safe="/")
        return Request(method, path, _pairs(query), (("Host", self.host), *_pairs(headers)), body)

    def sign(self, request: Request, signing: Signing | None = None) -> Request:
        """Return the request with a signature in its Authorization field."""
        return sign(request, self.keys, signing)

    def presign(self, request: Request, expires: str = "3600", signing: Signing | None = None) -> Request:
        """Return the request with a signature in its query."""
        return presign(request, self.keys, expires, signing)

    def send(self, request: Request, signing: Signing | None = None) -> Exchange:
        """Sign a request and send it."""
        client = self.signed if signing is None or signing == Signing(payload=signing.payload) else self.raw
        return self._sent(client, self.sign(request, signing))

    def send_as_is(self, request: Request) -> Exchange:
        """Send a request without signing it."""
        return self._sent(self.raw, request)

    def call(
        self,
        method: str,
        bucket: str = "",
        key: str | bytes = "",
        query: Fields = NO_FIELDS,
        headers: Fields = NO_FIELDS,
        body: bytes = b"",
    ) -> Exchange:
        """Make, sign and send a request."""
        return self.send(self.request(method, bucket, key, query, headers, body))

    def list_buckets(self) -> Exchange:
        """ListBuckets."""
        return self.call("GET")

    def bucket(self, name: str) -> Bucket:
        """Return a bucket of the gateway."""
        return Bucket(self, name)

    def _sent(self, client: HttpClient, request: Request) -> Exchange:
        return client.send(request.method, self.origin + request.target, request.headers, request.body)


@dataclass
class Bucket:
    """One bucket and the operations on its objects; header and query fields are mappings."""

    s3: S3
    name: str

    def call(
        self,
        method: str,
        key: str | bytes = "",
        query: Fields = NO_FIELDS,
        headers: Fields = NO_FIELDS,
        body: bytes = b"",
    ) -> Exchange:
        """Make, sign and send a request to the bucket or to an object in it."""
        return self.s3.call(method, self.name, key, query, headers, body)

    def request(
        self,
        method: str,
        key: str | bytes = "",
        query: Fields = NO_FIELDS,
        headers: Fields = NO_FIELDS,
        body: bytes = b"",
    ) -> Request:
        """Return an unsigned request."""
        return self.s3.request(method, self.name, key, query, headers, body)

    def put(self, key: str | bytes, body: bytes = b"", headers: Fields = NO_FIELDS) -> Exchange:
        """PutObject."""
        return self.call("PUT", key, headers=headers, body=body)

    def get(self, key: str | bytes, headers: Fields = NO_FIELDS, query: Fields = NO_FIELDS) -> Exchange:
        """GetObject."""
        return self.call("GET", key, query, headers)

    def head(self, key: str | bytes, headers: Fields = NO_FIELDS) -> Exchange:
        """HeadObject."""
        return self.call("HEAD", key, headers=headers)

    def delete(self, key: str | bytes, headers: Fields = NO_FIELDS) -> Exchange:
        """DeleteObject."""
        return self.call("DELETE", key, headers=headers)

    def copy(self, key: str, source: str, headers: Fields = NO_FIELDS, source_bucket: str = "") -> Exchange:
        """CopyObject from a key of this bucket, or of another one."""
        return self.copy_as(key, f"/{encoded(source_bucket or self.name)}/{encoded(source, safe='/')}", headers)

    def copy_as(self, key: str, copy_source: str, headers: Fields = NO_FIELDS) -> Exchange:
        """CopyObject with x-amz-copy-source exactly as given."""
        return self.call("PUT", key, headers={"x-amz-copy-source": copy_source, **headers})

    def listing(self, prefix: str, **parameters: str) -> Exchange:
        """ListObjectsV2 under a prefix; underscores in names stand for hyphens (``max_keys="2"``)."""
        return self.call("GET", query={"list-type": "2", "prefix": prefix, **_named(parameters)})

    def listing_v1(self, prefix: str, **parameters: str) -> Exchange:
        """ListObjects (version 1) under a prefix."""
        return self.call("GET", query={"prefix": prefix, **_named(parameters)})

    def delete_many(self, keys: Sequence[str], quiet: bool = False) -> Exchange:
        """DeleteObjects with Content-MD5."""
        return self.delete_with(delete_document(keys, quiet))

    def delete_with(self, body: bytes, headers: Fields | None = None) -> Exchange:
        """DeleteObjects with this body, and Content-MD5 unless ``headers`` are given."""
        fields = {"Content-MD5": content_md5(body)} if headers is None else headers
        return self.call("POST", query={"delete": ""}, headers=fields, body=body)

    def create_upload(self, key: str, headers: Fields = NO_FIELDS) -> Exchange:
        """CreateMultipartUpload."""
        return self.call("POST", key, {"uploads": ""}, headers)

    def put_part(self, key: str, upload: str, number: int | str, body: bytes, headers: Fields = NO_FIELDS) -> Exchange:
        """UploadPart."""
        return self.call("PUT", key, {"partNumber": str(number), "uploadId": upload}, headers, body)

    def copy_part(
        self, key: str, upload: str, number: int, source: str, byte_range: str = "", source_bucket: str = ""
    ) -> Exchange:
        """UploadPartCopy from a key of this bucket, or of another one."""
        headers = {"x-amz-copy-source": f"/{encoded(source_bucket or self.name)}/{encoded(source, safe='/')}"}
        if byte_range:
            headers["x-amz-copy-source-range"] = byte_range
        return self.put_part(key, upload, number, b"", headers)

    def complete(
        self, key: str, upload: str, parts: Sequence[tuple[int, str]], headers: Fields = NO_FIELDS
    ) -> Exchange:
        """CompleteMultipartUpload."""
        return self.complete_with(key, upload, completion_document(parts), headers)

    def complete_with(self, key: str, upload: str, body: bytes, headers: Fields = NO_FIELDS) -> Exchange:
        """CompleteMultipartUpload with this body."""
        return self.call("POST", key, {"uploadId": upload}, headers, body)

    def abort(self, key: str, upload: str) -> Exchange:
        """AbortMultipartUpload."""
        return self.call("DELETE", key, {"uploadId": upload})

    def list_parts(self, key: str, upload: str, **parameters: str) -> Exchange:
        """ListParts."""
        return self.call("GET", key, {"uploadId": upload, **_named(parameters)})

    def list_uploads(self, prefix: str, **parameters: str) -> Exchange:
        """ListMultipartUploads under a prefix."""
        return self.call("GET", query={"uploads": "", "prefix": prefix, **_named(parameters)})

    def put_tags(self, key: str, tags: Sequence[tuple[str, str]]) -> Exchange:
        """PutObjectTagging."""
        body = tagging_document(tags)
        return self.call("PUT", key, {"tagging": ""}, {"Content-MD5": content_md5(body)}, body)

    def get_tags(self, key: str) -> Exchange:
        """GetObjectTagging."""
        return self.call("GET", key, {"tagging": ""})

    def delete_tags(self, key: str) -> Exchange:
        """DeleteObjectTagging."""
        return self.call("DELETE", key, {"tagging": ""})


def _named(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in parameters.items()}


def minutes_off(minutes: float) -> Signing:
    """Return a signing by a clock that is off by some minutes."""
    return Signing(when=time.time() + 60 * minutes)


def by_clock_of(reply: Exchange) -> Signing:
    """Return a signing by the target's clock, as in the Date of a response; by this machine's without a Date."""
    return Signing(when=seconds_of_date(reply.headers.get("date") or ""))


def long_past(reply: Exchange) -> Signing:
    """Return a signing of eleven minutes ago by the target's clock, or of seventeen by this machine's without a Date.

    The Date may be a proxy's. Clocks may differ by 15 minutes (S3 API Reference, RequestTimeTooSkewed).
    """
    date_s = seconds_of_date(reply.headers.get("date") or "")
    return minutes_off(-17) if date_s is None else Signing(when=date_s - 60 * 11)


def signed_for(body: bytes) -> Signing:
    """Return a signing with the payload hash of another body."""
    return Signing(payload=sha256_hex(body))
