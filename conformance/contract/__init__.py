"""The contract as data (``*.toml``): promises, requirements with their quoted clauses, profiles; and their loaders.

It contains no code of checks, and nothing about a particular target.
"""
