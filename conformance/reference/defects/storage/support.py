"""What the defects of the gateway have in common."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from conformance.reference.storage import Storage
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket

PAUSE_S = 0.02
MOMENT_S = 2.0


def gateway(original: Any) -> Storage:
    """The surface whose method this is."""
    while isinstance(original, functools.partial):  # another alteration stands between
        original = original.args[0]
    surface: Storage = original.__self__
    return surface


def without_fields(call: Call, *names: str) -> Call:
    """The call without some of its fields."""
    headers = call.headers.mutablecopy()
    for name in names:
        del headers[name]
    return replace(call, request=replace(call.request, headers=headers))


def with_field(call: Call, name: str, value: str) -> Call:
    """The call with another value of a field."""
    headers = call.headers.mutablecopy()
    headers[name] = value
    return replace(call, request=replace(call.request, headers=headers))


def server_error() -> Fault:
    """A refusal as a crash would give it."""
    fault = Fault("InvalidRequest", "We encountered an internal error. Please try again.")
    fault.code, fault.status = "InternalError", 500
    return fault


@contextmanager
def opened_to(bucket: Bucket, organization: str) -> Iterator[None]:
    """Has a bucket be another organization's for a while."""
    owner, bucket.organization = bucket.organization, organization
    try:
        yield
    finally:
        bucket.organization = owner


@contextmanager
def refusals_emptying(bucket: Bucket, key: str) -> Iterator[None]:
    """Has a refusal of what is done within take out what stood at the key."""
    try:
        yield
    except Fault:
        bucket.remove(key)
        raise
