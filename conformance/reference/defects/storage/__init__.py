"""Defects of the S3 gateway, a module for each part of its contract."""

from conformance.reference.defects.storage import (
    contents,
    copies,
    documents,
    errors,
    keys,
    listing_answers,
    listings,
    moments,
    multipart,
    races,
    reads,
    refusals,
    sequences,
    signatures,
    tenancy,
)

__all__ = [
    "contents",
    "copies",
    "documents",
    "errors",
    "keys",
    "listing_answers",
    "listings",
    "moments",
    "multipart",
    "races",
    "reads",
    "refusals",
    "sequences",
    "signatures",
    "tenancy",
]
