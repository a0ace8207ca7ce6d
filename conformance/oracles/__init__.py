"""Oracles: each function compares an observed response with the expected one and raises NonConformance with both.

Checks call them. An oracle sends no requests and knows no fixtures.
"""
