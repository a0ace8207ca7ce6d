"""Checks of the area webhooks."""
