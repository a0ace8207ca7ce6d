"""The surface of a requirement, so that an absent or unreachable surface is reported once, as the cause."""

from __future__ import annotations

from conformance.target.description import Target

SURFACE_OF_AREA = {
    "oauth": "identity",
    "authorization": "identity",
    "errors": "identity",
    "registry": "registry",
    "storage": "storage",
    "webhooks": "webhooks",
}
SURFACES = ("identity", "registry", "storage", "webhooks")


def surface_of(requirement_id: str) -> str | None:
    """Return the surface of a requirement by its area, or under ``interoperability/`` by its topic."""
    area, topic = requirement_id.split("/")[:2]
    if (area, topic) == ("oauth", "transport"):
        # Each of its cases is about another surface.
        return None
    if area == "interoperability":
        return topic if topic in SURFACES else None
    return SURFACE_OF_AREA.get(area)


def not_described(requirement_id: str, target: Target) -> str | None:
    """Return the surface that a requirement needs and the target file does not describe, or None."""
    surface = surface_of(requirement_id)
    return surface if surface and getattr(target, surface) is None else None
