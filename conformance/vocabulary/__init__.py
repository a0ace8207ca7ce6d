"""The words of the suite: verdicts, requirements, exchanges, findings, and how a check names what it verifies.

Every room uses it, and it imports no other room.
"""
