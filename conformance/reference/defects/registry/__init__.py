"""Defects of the registry, a module for each part of its contract."""
