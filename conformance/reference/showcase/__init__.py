"""One defect for each promise, for ``conformance reference --defect``: what vendors really ship, and easy to see."""
