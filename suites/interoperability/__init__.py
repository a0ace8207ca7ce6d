"""Checks of the area interoperability."""
