"""Checks of incoming webhooks."""
