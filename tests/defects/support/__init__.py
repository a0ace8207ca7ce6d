"""Helpers that defects and variants share, by surface."""
