"""The registry of the reference: Docker Registry V2 and OCI distribution 1.1, in memory."""

from conformance.reference.registry.surface import Registry

__all__ = ["Registry"]
