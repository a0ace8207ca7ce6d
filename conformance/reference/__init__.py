"""The embedded deployment: identity, registry, storage and webhooks on loopback, keeping the whole contract.

It shares no oracle, client or catalogue with the suite, or both would be wrong together.
"""

PACKAGES = ["conformance.reference.showcase", "conformance.reference.variants"]
"""Where its defects and variants are. The suite's own tests add those that prove the checks."""
