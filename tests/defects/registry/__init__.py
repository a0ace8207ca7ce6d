"""Defects of the registry."""
