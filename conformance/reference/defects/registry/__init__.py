"""Defects of the registry, a module for each part of its contract."""

from conformance.reference.defects.registry import (
    access,
    blobs,
    chunks,
    errors,
    listings,
    manifests,
    mounts,
    names,
    odd,
    recommended,
    rules,
    tags,
    told,
    uploads,
)

__all__ = [
    "access",
    "blobs",
    "chunks",
    "errors",
    "listings",
    "manifests",
    "mounts",
    "names",
    "odd",
    "recommended",
    "rules",
    "tags",
    "told",
    "uploads",
]
