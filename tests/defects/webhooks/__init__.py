"""Defects of webhooks."""
