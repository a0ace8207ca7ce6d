"""Measurements of the suite; see ``run``."""
