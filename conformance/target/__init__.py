"""The deployment under test: its description, how it is read from ``conformance.toml``, and the preflight."""
