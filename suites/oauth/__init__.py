"""Checks of the area oauth."""
