"""Checks of the error table and of HTTP behaviour on the organization APIs."""
