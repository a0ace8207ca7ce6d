"""Hypothesis strategies for what to send, a file for each surface; ``explores`` turns a check into a property.

Checks use them. A strategy sends no requests.
"""
