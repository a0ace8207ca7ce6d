"""Checks of the area errors."""
