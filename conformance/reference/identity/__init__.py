"""The identity surface of the reference: token endpoint, organization API, registry token endpoint, key set."""

from conformance.reference.identity.surface import Identity

__all__ = ["Identity"]
