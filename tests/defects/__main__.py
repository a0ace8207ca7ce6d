"""``python -m tests.defects``: the reference as ``conformance reference`` serves it, with every defect and variant."""

from __future__ import annotations

import sys

from conformance.reference.service import main

if __name__ == "__main__":
    sys.exit(main())
