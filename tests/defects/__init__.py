"""The defects that prove the checks, by surface and topic; the package has only a showcase of them.

``python -m tests.defects`` serves the reference with all of them, and with all variants.
"""

PROGRAM = ("-m", "tests.defects")
