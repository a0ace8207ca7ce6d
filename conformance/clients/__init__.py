"""Clients that send requests to the target: a package for each surface, on top of ``transport``.

A client asserts nothing, and returns each exchange unchanged.
"""
