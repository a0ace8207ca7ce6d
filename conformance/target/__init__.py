"""The deployment under test: its typed description, and the reader of ``conformance.toml``.

Every room but vocabulary and contract may read it. It never contacts the target.
"""
