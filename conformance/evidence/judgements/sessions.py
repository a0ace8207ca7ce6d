"""What is told of what is written to a registry: a session of its own to each that opens one, and the subject sent."""

from __future__ import annotations

import json
import re

from conformance.evidence.judgements import DETAIL
from conformance.vocabulary.exchange import Exchange

TOLD_BEFORE, ANOTHER_SUBJECT = "the upload session of an earlier POST", "a different subject than in the manifest"
UPLOADS = re.compile(r"/v2/.+/blobs/uploads/?(?:\?.*)?")
MANIFEST = re.compile(r"/v2/.+/manifests/[^/?]+")
NAMING = ("location", "docker-upload-uuid")
LARGEST = 65_536


class Openings:
    """The sessions that were told to whoever opened one, by their Location and by their Docker-Upload-UUID."""

    def __init__(self) -> None:
        # A few bytes of each, however long a target makes them.
        self._seen: set[int] = set()

    def flaw(self, exchange: Exchange, path: str) -> str:
        """What is wrong with what an opening tells; "" where nothing is."""
        if exchange.method != "POST" or exchange.status != 202 or not UPLOADS.fullmatch(path):
            return ""
        identifiers = {hash((name, value)) for name in NAMING if (value := exchange.headers.get(name))}
        again = identifiers & self._seen
        self._seen |= identifiers
        return TOLD_BEFORE if again else ""


def subject_flaw(exchange: Exchange, path: str) -> str:
    """What is wrong with the subject that is told of a manifest which has one; "" where nothing is, or none is told."""
    subject = exchange.headers.get("oci-subject") if exchange.method == "PUT" and exchange.ok else None
    if subject is None or not MANIFEST.fullmatch(path) or len(exchange.request_body) > LARGEST:
        return ""
    try:
        sent = json.loads(exchange.request_body)["subject"]["digest"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f"{ANOTHER_SUBJECT}{DETAIL}{subject:.80}" if subject != sent else ""
