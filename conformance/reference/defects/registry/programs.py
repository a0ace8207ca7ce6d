"""Defects that break what programs do with images beyond pushing and pulling one."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.registry.rules import invalid

KNOWN = ("application/vnd.oci.", "application/vnd.docker.")


class LayerOfOtherTypeRefused(Defect):
    """image-spec 1.1, Image Manifest: an implementation must not refuse a layer for a media type it does not know."""

    surface = "registry"
    noticed_by = ("registry/manifest/artifact-is-taken", "interoperability/registry/signature-is-kept")

    def check_member(self, original: Any, media_type: str, member: str, value: Any) -> None:
        original(media_type, member, value)
        described = value if isinstance(value, list) else [value]
        types = [each.get("mediaType", "") for each in described if isinstance(each, dict)]
        if member == "layers" and not all(str(each).startswith(KNOWN) for each in types):
            raise invalid("unsupported media type of a layer")
