"""The embedded deployment: identity, registry, storage and webhooks on loopback, keeping the whole contract.

Only commands and the plugin start it. It imports the vocabulary and no other room: shared code would share mistakes.
"""

PACKAGES = ["conformance.reference.showcase", "conformance.reference.variants"]
"""Where its defects and variants are. The suite's own tests add those that prove the checks."""
