"""Defects of the token endpoint and the organization APIs."""
