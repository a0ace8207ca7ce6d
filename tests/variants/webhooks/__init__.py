"""Variants of webhooks."""
