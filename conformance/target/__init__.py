"""The deployment under test: its typed description, and the reader of ``conformance.toml``.

It never contacts the target.
"""
