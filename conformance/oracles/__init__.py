"""Oracles: each function compares an observed response with the expected one and raises NonConformance with both.

Oracles know no fixtures.
"""
