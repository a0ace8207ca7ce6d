"""The contract as data (``*.toml``): promises, requirements with their quoted clauses, profiles; and the catalogue.

Every room may read it. It contains no code of checks, and nothing about a particular target.
"""
