"""Variants of the registry."""
