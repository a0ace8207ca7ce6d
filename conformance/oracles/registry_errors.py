"""Error responses of a registry: a list of errors in JSON, with codes.

Sources: OCI Distribution Specification 1.1, Error Codes; Docker Registry HTTP API V2, Errors.
"""

from __future__ import annotations

import re
from typing import Any

from conformance.evidence.judgements.refusals import CODE, JSON_TYPE
from conformance.oracles.status import listed, observed
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import field_of, plural, worded

CODES = frozenset({
    # OCI Distribution Specification 1.1, Error Codes.
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED",
    "UNSUPPORTED", "TOOMANYREQUESTS",
    # Docker Registry V2, Errors: further codes.
    "UNKNOWN", "TAG_INVALID", "MANIFEST_UNVERIFIED", "RANGE_INVALID", "PAGINATION_NUMBER_INVALID", "UNAVAILABLE",
})  # fmt: skip
FORM = '{"errors": [{"code": …, "message": …, "detail": …}]}'


def expect_error_document(reply: Exchange) -> list[dict[str, Any]]:
    """Expect the list of errors in a refusal whose body is JSON or is declared as JSON; return the list."""
    if "json" not in reply.media_type and not reply.body.lstrip().startswith(b"{"):
        return []
    try:
        document = reply.json()
    except ValueError:
        raise NonConformance(
            f"valid JSON, as {field_of(reply, 'Content-Type')} declares", observed(reply), reply
        ) from None
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list) or not errors or not all(_is_error(each) for each in errors):
        raise NonConformance(FORM, observed(reply), reply)
    return list(errors)


def _is_error(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("code"), str):
        return False
    return CODE.fullmatch(entry["code"]) is not None and isinstance(entry.get("message", ""), str)


def expect_json_error(reply: Exchange) -> list[str]:
    """Expect a refusal in JSON with a JSON media type (RFC 6839); return its codes."""
    if not JSON_TYPE.fullmatch(reply.media_type):
        got = f"{reply.status} with {field_of(reply, 'Content-Type')}"
        raise NonConformance("an error document with a JSON Content-Type", got, reply)
    try:
        reply.json()
    except ValueError:
        raise NonConformance(
            f"valid JSON, as {field_of(reply, 'Content-Type')} declares", observed(reply), reply
        ) from None
    return codes_in(reply)


def codes_in(reply: Exchange) -> list[str]:
    """Return the codes of a well-formed refusal, in capitals; another promise covers the form."""
    try:
        return [each["code"].upper() for each in reply.json()["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def expect_code(reply: Exchange, *accepted: str) -> None:
    """Expect one of these codes for the first error, if the body is an error document."""
    first = next(iter(codes_in(reply)), accepted[0])
    if first not in accepted:
        raise NonConformance(f"the code {listed(accepted)}", f"{reply.status} with {first}", reply)


def expect_missing_reported(reply: Exchange, times: int = 1, child: bool = False) -> None:
    """Expect so many errors for missing blobs or child manifests, if the refusal is JSON.

    OCI has MANIFEST_BLOB_UNKNOWN for both; Docker Registry V2, Pushing an Image Manifest: "If one or more layers are
    unknown to the registry, `BLOB_UNKNOWN` errors are returned."
    """
    code = "MANIFEST_BLOB_UNKNOWN" if child else "(MANIFEST_)?BLOB_UNKNOWN"
    codes = expect_json_error(reply)
    if codes and sum(1 for each in codes if re.fullmatch(code, each)) < times:
        got = f"{reply.status} with the codes {worded(codes)}"
        raise NonConformance(f"{plural(times, 'error')} with the code MANIFEST_BLOB_UNKNOWN", got, reply)
