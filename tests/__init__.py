"""The suite's own tests, and the defects and variants that prove the checks."""

from conformance.reference import PACKAGES

PACKAGES += ["tests.defects", "tests.variants"]
