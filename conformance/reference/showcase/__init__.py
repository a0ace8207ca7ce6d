"""One defect for each promise, for ``conformance reference --defect``: realistic, and easy to see."""
