"""Authentication by Signature Version 4 in the Authorization header or in the query."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import NamedTuple

from conformance.reference.http import Request
from conformance.reference.storage import canonical
from conformance.reference.storage.base import Gateway
from conformance.reference.storage.call import Signer, decoded, pairs
from conformance.reference.storage.faults import Fault

LARGEST_SKEW_S = 15 * 60
LONGEST_EXPIRY_S = 7 * 24 * 3600
STREAMING = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)
_PAYLOAD_HASH = re.compile("[0-9a-f]{64}")
_EXPIRY = re.compile("[0-9]{1,9}")
_QUERY_NAMES = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


class Credential(NamedTuple):
    """An access key and the scope of its signature."""

    access_key: str
    date: str
    region: str
    service: str
    terminator: str

    @property
    def scope(self) -> str:
        """The scope in a string to sign."""
        return "/".join(self[1:])


@dataclass(frozen=True)
class Presented:
    """The signature of a request with its parameters; ``expires`` is in seconds, None in a header."""

    credential: Credential
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    payload_hash: str
    expires: int | None = None

    @property
    def malformed(self) -> str:
        """The error code for a malformed signature."""
        return "AuthorizationHeaderMalformed" if self.expires is None else "AuthorizationQueryParametersError"


def split_credential(credential: str, code: str) -> Credential:
    """Return access key, date, region, service and terminator; Fault with that code."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not all(parts):
        raise Fault(code, "The Credential is mal-formed; expecting <KEY>/YYYYMMDD/REGION/SERVICE/aws4_request.")
    return Credential(*parts)


def split_signed_headers(listed: str, code: str) -> tuple[str, ...]:
    """Return the header names in order; Fault with that code."""
    names = tuple(listed.split(";"))
    if not all(names):
        raise Fault(code, "SignedHeaders is mal-formed.")
    return tuple(sorted(name.lower() for name in names))


def authorization_fields(value: str) -> dict[str, str]:
    """Return the fields of an Authorization header of Signature Version 4; Fault AuthorizationHeaderMalformed."""
    found: dict[str, str] = {}
    for part in value[len(canonical.ALGORITHM) :].split(","):
        name, equals, text = part.strip().partition("=")
        if not equals or not text or name in found:
            raise Fault("AuthorizationHeaderMalformed")
        found[name] = text
    if set(found) != {"Credential", "SignedHeaders", "Signature"}:
        raise Fault("AuthorizationHeaderMalformed")
    return found


class Authentication(Gateway):
    """Verifies signatures; every step may refuse with a Fault."""

    def authenticate(self, request: Request) -> Signer:
        """Verify the signature and return the signer."""
        presented = self.presented(request)
        self.check_time(presented)
        credential = presented.credential
        key = self.known_key(credential.access_key)
        if key is None:
            raise Fault("InvalidAccessKeyId")
        self.check_scope(presented)
        self.check_signed_headers(request, presented)
        signing_key = canonical.signing_key(key.secret_key, credential.date, credential.region, credential.service)
        canonical_request = self.canonical_request(request, presented)
        text = canonical.string_to_sign(presented.timestamp, credential.scope, canonical_request)
        if not self.signature_matches(presented.signature, canonical.signature(signing_key, text)):
            raise Fault("SignatureDoesNotMatch")
        if wait := self.windows.retry_after(key.access_key, self.limit_of(key)):
            raise Fault("SlowDown", headers={"Retry-After": str(wait)})
        return Signer(
            key.organization,
            signing_key,
            presented.timestamp,
            credential.scope,
            presented.signature,
            presented.payload_hash,
        )

    def presented(self, request: Request) -> Presented:
        """Return the signature of the header or of the query, never of both."""
        query = self.signing_query(request)
        header = request.headers.get("authorization")
        if header is not None and "X-Amz-Algorithm" in query:
            raise Fault("InvalidArgument", "Only one auth mechanism allowed")
        if header is None and {"AWSAccessKeyId", "Signature"} <= set(query):
            raise self.unsupported_version()
        if header is None and not any(name in query for name in _QUERY_NAMES):
            raise self.anonymous()
        if "x-amz-security-token" in request.headers or "X-Amz-Security-Token" in query:
            raise Fault("InvalidToken")
        return self.presented_in_query(request, query) if header is None else self.presented_in_header(request, header)

    def anonymous(self) -> Fault:
        return Fault("AccessDenied")

    def unsupported_version(self) -> Fault:
        return Fault(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )

    def signing_query(self, request: Request) -> dict[str, str]:
        """Return the query parameters; a repeated parameter of the signature is refused."""
        found: dict[str, str] = {}
        for raw_name, raw_value in pairs(request.query_string):
            name = decoded(raw_name.replace("+", " "))
            if name in _QUERY_NAMES and name in found:
                raise Fault("AuthorizationQueryParametersError")
            found.setdefault(name, decoded(raw_value.replace("+", " ")))
        return found

    def presented_in_header(self, request: Request, header: str) -> Presented:
        if header.startswith("AWS "):
            raise self.unsupported_version()
        if len(request.headers.getlist("authorization")) > 1 or not header:
            raise Fault("AuthorizationHeaderMalformed")
        if not header.startswith(canonical.ALGORITHM + " "):
            raise Fault("InvalidArgument", "Unsupported Authorization Type")
        fields, code = authorization_fields(header), "AuthorizationHeaderMalformed"
        given = request.headers.get("x-amz-date") or request.headers.get("date") or ""
        timestamp = canonical.timestamp_of(given)
        if timestamp is None:
            raise Fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        payload_hash = self.payload_hash(request.headers.get("x-amz-content-sha256"))
        credential = split_credential(fields["Credential"], code)
        names = split_signed_headers(fields["SignedHeaders"], code)
        return Presented(credential, names, fields["Signature"], timestamp, payload_hash)

    def payload_hash(self, given: str | None) -> str:
        """Return the stated payload hash, which must have one of the known forms."""
        if given is None:
            raise Fault("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        if given != "UNSIGNED-PAYLOAD" and given not in STREAMING and not _PAYLOAD_HASH.fullmatch(given):
            raise Fault(
                "InvalidArgument",
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING value or a valid sha256 value.",
            )
        return given

    def presented_in_query(self, request: Request, query: dict[str, str]) -> Presented:
        code = "AuthorizationQueryParametersError"
        if not all(query.get(name) for name in _QUERY_NAMES):
            raise Fault(code, f"Query-string authentication version 4 requires {', '.join(_QUERY_NAMES)}.")
        if query["X-Amz-Algorithm"] != canonical.ALGORITHM:
            raise Fault(code, f'X-Amz-Algorithm only supports "{canonical.ALGORITHM}".')
        if canonical.seconds_of(query["X-Amz-Date"]) is None:
            raise Fault(code, "X-Amz-Date must be in the ISO8601 format 20130524T000000Z.")
        given = query.get("X-Amz-Content-Sha256") or request.headers.get("x-amz-content-sha256") or "UNSIGNED-PAYLOAD"
        credential = split_credential(query["X-Amz-Credential"], code)
        names = split_signed_headers(query["X-Amz-SignedHeaders"], code)
        return Presented(
            credential,
            names,
            query["X-Amz-Signature"],
            query["X-Amz-Date"],
            self.payload_hash(given),
            self.expiry(query["X-Amz-Expires"]),
        )

    def expiry(self, given: str) -> int:
        """Return X-Amz-Expires in seconds, from one second to seven days."""
        if not _EXPIRY.fullmatch(given) or not 1 <= int(given) <= LONGEST_EXPIRY_S:
            raise Fault("AuthorizationQueryParametersError", "X-Amz-Expires must be from 1 to 604800 seconds.")
        return int(given)

    def check_time(self, presented: Presented) -> None:
        """Check the time: fifteen minutes around that of a header signature, or the expiry of a presigned URL."""
        signed_at = canonical.seconds_of(presented.timestamp)
        if signed_at is None:
            raise Fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        age = self.now() - signed_at
        if presented.expires is None:
            self.check_skew(age)
        else:
            self.check_expiry(age, presented.expires)

    def check_skew(self, age: float) -> None:
        """Check the age of a header signature in seconds; it is negative for a time in the future."""
        if abs(age) > LARGEST_SKEW_S:
            raise Fault("RequestTimeTooSkewed")

    def check_expiry(self, age: float, expires: int) -> None:
        """Check the age of a presigned URL in seconds."""
        if age > expires:
            raise Fault("AccessDenied", "Request has expired")
        if age < -LARGEST_SKEW_S:
            raise Fault("AccessDenied", "Request is not yet valid")

    def check_scope(self, presented: Presented) -> None:
        """Check that the scope has the timestamp's day, this region, this service and the terminator."""
        self.check_scope_date(presented)
        self.check_region(presented)
        self.check_service(presented)
        if presented.credential.terminator != "aws4_request":
            raise Fault(presented.malformed, "The credential must end in aws4_request")

    def check_scope_date(self, presented: Presented) -> None:
        if presented.credential.date != presented.timestamp[:8]:
            raise Fault(presented.malformed, "The credential's date is not that of the request")

    def check_region(self, presented: Presented) -> None:
        if presented.credential.region != self.region:
            raise Fault(presented.malformed, f"The region is wrong; expecting '{self.region}'")

    def check_service(self, presented: Presented) -> None:
        if presented.credential.service != "s3":
            raise Fault(presented.malformed, "The service is wrong; expecting 's3'")

    def check_signed_headers(self, request: Request, presented: Presented) -> None:
        """Check that Host and every sent x-amz header are signed."""
        names = presented.signed_headers
        if "host" not in names or any(name not in names for name in request.headers if name.startswith("x-amz-")):
            raise Fault("AccessDenied", "There were headers present in the request which were not signed")

    def canonical_request(self, request: Request, presented: Presented) -> str:
        """Return the canonical request, with header values as latin-1 text."""
        return "\n".join(
            (
                self.canonical_method(request),
                self.canonical_path(request),
                self.canonical_query(request),
                self.canonical_headers(request, presented.signed_headers),
                "",
                ";".join(presented.signed_headers),
                presented.payload_hash,
            )
        )

    def canonical_method(self, request: Request) -> str:
        return request.method

    def canonical_path(self, request: Request) -> str:
        return canonical.encoded(request.raw_path, safe="/") or "/"

    def canonical_query(self, request: Request) -> str:
        return canonical.canonical_query(
            (name, value) for name, value in pairs(request.query_string) if name != "X-Amz-Signature"
        )

    def canonical_headers(self, request: Request, names: tuple[str, ...]) -> str:
        return "\n".join(f"{name}:{','.join(map(canonical.trimmed, request.headers.getlist(name)))}" for name in names)

    def signature_matches(self, given: str, computed: str) -> bool:
        return hmac.compare_digest(given.encode(), computed.encode())
