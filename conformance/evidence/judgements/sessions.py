"""Registry writes: each opened upload has its own session, and a manifest's subject is repeated."""

from __future__ import annotations

import json
import re

from conformance.evidence.judgements import DETAIL
from conformance.vocabulary.exchange import Exchange

REUSED_SESSION, ANOTHER_SUBJECT = "the upload session of an earlier POST", "a different subject than in the manifest"
UPLOADS = re.compile(r"/v2/.+/blobs/uploads/?(?:\?.*)?")
MANIFEST = re.compile(r"/v2/.+/manifests/[^/?]+")
NAMING = ("location", "docker-upload-uuid")
LARGEST = 65_536


class Openings:
    """The upload sessions that a registry opened, by Location and by Docker-Upload-UUID."""

    def __init__(self) -> None:
        # Hashes, since a target may send long identifiers.
        self._seen: set[int] = set()

    def flaw(self, exchange: Exchange, path: str) -> str:
        """Return the flaw of an opened upload with an earlier session."""
        if exchange.method != "POST" or exchange.status != 202 or not UPLOADS.fullmatch(path):
            return ""
        identifiers = {hash((name, value)) for name in NAMING if (value := exchange.headers.get(name))}
        reused = identifiers & self._seen
        self._seen |= identifiers
        return REUSED_SESSION if reused else ""


def subject_flaw(exchange: Exchange, path: str) -> str:
    """Return the flaw of a pushed manifest's response with a wrong OCI-Subject."""
    subject = exchange.headers.get("oci-subject") if exchange.method == "PUT" and exchange.ok else None
    if subject is None or not MANIFEST.fullmatch(path) or len(exchange.request_body) > LARGEST:
        return ""
    try:
        sent = json.loads(exchange.request_body)["subject"]["digest"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f"{ANOTHER_SUBJECT}{DETAIL}{subject:.80}" if subject != sent else ""
