"""How a person repeats a finding: one curl line, or a short script of curl lines."""

from conformance.reporting.reproduce.script import write

__all__ = ["write"]
