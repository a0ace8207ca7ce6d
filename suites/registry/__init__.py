"""Checks of the area registry."""
