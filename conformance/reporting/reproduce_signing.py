"""Signs an S3 request in a script, where curl would not sign the path that the run sent.

curl removes dot segments from a path before it signs it, and refuses ``--path-as-is`` together with ``--aws-sigv4``.
Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import signature_scope, signing_secret
from conformance.reporting.reproduce_text import document, word

Entry = Mapping[str, Any]
DOTS = re.compile(r"/(?:\.|%2[Ee]){1,2}(?=/|$)")
AUTHORIZATION = re.compile(r"SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})")
SIGNING = r"""
# HMAC-SHA256 and Signature Version 4. Keys pass through printf and standard input, so that no process list shows them.
sha256() { { sha256sum || shasum -a 256; } 2>/dev/null | cut -d' ' -f1; }
# Bytes in hex as escapes of printf, each exclusive-or $2, filled up with zeros to $3 digits.
escapes_of() {
    printf '%s\n' "$1" | awk -v mask="$2" -v digits="$3" '{
        while (length($0) < digits) $0 = $0 "0"
        for (i = 1; i < length($0); i += 2) {
            byte = 16 * index(hex, substr($0, i, 1)) + index(hex, substr($0, i + 1, 1)) - 17
            masked = 0
            for (bit = 1; bit < 256; bit *= 2) masked += (int(byte / bit) % 2 != int(mask / bit) % 2) * bit
            printf "\\%03o", masked
        } }' hex=0123456789abcdef -
}
hmac() {
    inner=$({ printf "$(escapes_of "$1" 54 128)"; printf %s "$2"; } | sha256)
    { printf "$(escapes_of "$1" 92 128)"; printf "$(escapes_of "$inner" 0 0)"; } | sha256
}
# The signature of the canonical request on standard input, by a secret, at a moment, in a region.
sign() {
    canonical=$(cat)
    key=$(printf 'AWS4%s' "$1" | od -An -v -tx1 | tr -d ' \n')
    [ ${#key} -le 128 ] || key=$(printf 'AWS4%s' "$1" | sha256)
    for part in "${2%%T*}" "$3" s3 aws4_request; do key=$(hmac "$key" "$part"); done
    hashed=$(printf %s "$canonical" | sha256)
    hmac "$key" "$(printf 'AWS4-HMAC-SHA256\n%s\n%s\n%s' "$2" "${2%%T*}/$3/s3/aws4_request" "$hashed")"
}
"""


def is_signed_by_hand(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether an honestly signed request has a path that curl would sign differently."""
    return signature_scope(entry, secret_names) is not None and DOTS.search(urlsplit(entry["url"]).path) is not None


def signing(
    number: int, entry: Entry, secret_names: Mapping[str, str], known: Mapping[str, str], marks: dict[str, str]
) -> Iterator[str]:
    """Yield the assignments of moment and signature of a request, and put marks for both into ``marks``.

    ``known`` are the marks of what earlier answers gave.
    """
    scope = signature_scope(entry, secret_names)
    fields = {name.lower(): value for name, value in entry["request_headers"]}
    found = AUTHORIZATION.search(fields.get("authorization", ""))
    if scope is None or found is None:
        return
    moment, day = fields.get("x-amz-date", ""), scope[0].split("/")[1]
    marks |= {moment: f"\0SIGNED_AT_{number}\0", f"/{day}/": f"/\0SIGNED_ON_{number}\0/"}
    canonical = document(_canonical(entry, fields, found[1].split(";")), {**known, **marks})
    marks[found[2]] = f"\0SIGNATURE_{number}\0"
    secret = signing_secret(entry, scope["key"], secret_names)
    held = f'"{secret}"' if secret == f"${secret_names[scope['key']]}" else word(secret, {})
    yield f"SIGNED_AT_{number}=$(date -u +%Y%m%dT%H%M%SZ) && SIGNED_ON_{number}=${{SIGNED_AT_{number}%%T*}}"
    yield f'SIGNATURE_{number}=$(sign {held} "$SIGNED_AT_{number}" {scope["region"]} <<CANONICAL'
    yield f"{canonical}\nCANONICAL\n)"


def _canonical(entry: Entry, fields: Mapping[str, str], signed: list[str]) -> str:
    """The canonical request: method, path, sorted query, signed fields, their names, hash of the payload."""
    at = urlsplit(entry["url"])
    query = "&".join(sorted(each if "=" in each else f"{each}=" for each in at.query.split("&") if each))
    lines = [f"{name}:{' '.join(fields.get(name, '').split())}" for name in signed]
    payload = fields.get("x-amz-content-sha256", "")
    return "\n".join([entry["method"], at.path, query, *lines, "", ";".join(signed), payload])
