"""NextEpoch conformance suite: checks any deployment against the documented contract."""

from pathlib import Path

__version__ = "0.1.0"

if not (Path(__file__).parent / "suites").is_dir():
    # In a checkout the checks are next to the package: conformance.suites names them as in an installation.
    __path__.append(str(Path(__file__).parent.parent))
