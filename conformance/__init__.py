"""NextEpoch conformance suite: checks any deployment against the documented contract."""

__version__ = "0.1.0"
