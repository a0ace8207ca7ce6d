"""Checks of the Docker Registry V2 registry."""
