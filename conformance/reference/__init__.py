"""The embedded deployment: identity, registry, storage and webhooks on loopback, which keeps the whole contract.

Only commands and the plugin start it. It imports only the vocabulary: shared code would share mistakes.
"""

PACKAGES = ["conformance.reference.showcase", "conformance.reference.variants"]
"""The packages of defects and variants. The suite's own tests add those that prove the checks."""
