"""Evidence: exchanges are recorded as they pass, secrets are removed first, and rules judge every response of a run.

Clients record through it; checks and reports read it. It sends no requests of its own.
"""
