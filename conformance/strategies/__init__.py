"""Hypothesis strategies for requests, a file for each surface; ``explores`` turns a check into a property."""
