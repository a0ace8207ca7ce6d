"""Defects by which the login is gone round where no manifest is read."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Request
from conformance.reference.registry.access import Caller

ANYBODY = Caller("")


class _NeedsNoLogin(Defect):
    """Where ``path`` is found in what was sent, nobody is asked who it is."""

    surface = "registry"
    path = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if re.search(self.path, request.raw_path, re.IGNORECASE):
            return self._somebody(original)
        caller: Caller = original(kind, name, request)
        return caller

    def _somebody(self, original: Any) -> Caller:
        return ANYBODY


class EscapedTagsNeedNoLogin(_NeedsNoLogin):
    """API Reference, Error Handling: a missing token is 401, however the path of a list is written."""

    noticed_by = ("registry/login/no-spelling-of-a-path-opens#tags",)

    path = "/%74ags/"


class EscapedBlobsNeedNoLogin(_NeedsNoLogin):
    """API Reference, Error Handling: a missing token is 401, however the path of a blob is written."""

    noticed_by = ("registry/login/no-spelling-of-a-path-opens#blob",)

    path = "/%62lobs/"


class EscapedCatalogNeedsNoLogin(_NeedsNoLogin):
    """API Reference, Error Handling: a missing token is 401, however the path of the catalog is written."""

    noticed_by = ("registry/login/no-spelling-of-a-path-opens#catalog",)

    path = "/%5fcatalog"

    def _somebody(self, original: Any) -> Caller:
        return Caller(registry_of(original).seeds.accounts[0].username)


class EscapedUploadsNeedNoLogin(_NeedsNoLogin):
    """API Reference, Error Handling: a missing token is 401, however the path of an upload is written."""

    noticed_by = ("registry/login/no-spelling-of-a-path-opens#upload",)

    path = "/%75ploads/"


class EmptyLoginChanges(Defect):
    """API Reference, Error Handling: an Authorization field that says nothing opens no upload, and deletes nothing."""

    surface = "registry"
    noticed_by = (
        "registry/login/malformed-login-is-refused#empty-deletion",
        "registry/login/malformed-login-is-refused#empty-upload",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if request.method in ("POST", "DELETE") and request.headers.get("authorization") == "":
            return ANYBODY
        caller: Caller = original(kind, name, request)
        return caller
