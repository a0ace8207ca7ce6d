"""Clients that send requests to the target: a package for each surface, and ``transport`` below them.

Checks, the sandbox and preflight call them. A client asserts nothing, and returns each exchange as it was.
"""
