"""``python -m conformance.reference`` is ``conformance reference``, without the rest of the suite."""

import sys

from conformance.reference.service import main

if __name__ == "__main__":
    sys.exit(main())
