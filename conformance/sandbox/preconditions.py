"""Conditional updates, of resources that declare how a concurrent update is detected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.oracles.documents import member
from conformance.sandbox.platform import HeaderFields, Operation, Platform
from conformance.target.description import Resource
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotDeclared


def conditional(platform: Platform) -> list[Resource]:
    """Return the resources that declare how a concurrent update is detected."""
    found = [
        each for each in platform.resources_with("create", "item", "update") if each.update and each.update.concurrency
    ]
    if not found:
        raise NotDeclared("no resource declares update.concurrency", "identity.resources.update.concurrency")
    return found


def version_of(platform: Platform, resource: Resource, slug: str) -> Any:
    """Return the current version of an item: its ETag, or the declared member of its body."""
    return version_read(platform, resource, slug)[1]


def version_read(platform: Platform, resource: Resource, slug: str) -> tuple[Exchange, Any]:
    """Return the response that contains the version of an item, and the version."""
    reply = platform.as_role("full", platform.operation(resource, "read-item", slug))
    concurrency = resource.update.concurrency if resource.update else None
    found = reply.headers.get("etag") if concurrency == "If-Match" else member(reply, str(concurrency))
    if found is None:
        raise Inconclusive(
            f"an item of {resource.name} shows no version by {concurrency}",
            "the right update.concurrency in the target file",
        )
    return reply, found


def update_from(platform: Platform, resource: Resource, slug: str, version: Any) -> tuple[Operation, HeaderFields]:
    """Return an update on the condition of a version, with the header fields that carry it."""
    operation = platform.operation(resource, "update", slug)
    if resource.update and resource.update.concurrency == "If-Match":
        return operation, [("If-Match", str(version))]
    document = {**(operation.document or {}), str(resource.update.concurrency if resource.update else ""): version}
    return replace(operation, document=document), []
