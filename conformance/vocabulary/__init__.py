"""The basic terms of the suite: verdicts, requirements, exchanges, findings and the marks of checks.

Every room may import it. It imports no other room.
"""
