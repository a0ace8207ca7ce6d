"""Which surface a requirement is about, so that a surface that is absent or down is reported once, as the cause."""

from __future__ import annotations

from conformance.target.description import Target

OF_AREA = {
    "oauth": "identity",
    "authorization": "identity",
    "errors": "identity",
    "registry": "registry",
    "storage": "storage",
    "webhooks": "webhooks",
}
SURFACES = ("identity", "registry", "storage", "webhooks")


def surface_of(requirement_id: str) -> str | None:
    """The surface: by the area, and under ``interoperability/`` by the part that follows."""
    area, topic = requirement_id.split("/")[:2]
    if (area, topic) == ("oauth", "transport"):
        # Asked of every surface that there is, case by case.
        return None
    if area == "interoperability":
        return topic if topic in SURFACES else None
    return OF_AREA.get(area)


def not_described(requirement_id: str, target: Target) -> str | None:
    """The surface that a requirement needs and the target file does not describe, or None."""
    surface = surface_of(requirement_id)
    return surface if surface and getattr(target, surface) is None else None
