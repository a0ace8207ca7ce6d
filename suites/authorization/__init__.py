"""Checks of the area authorization."""
