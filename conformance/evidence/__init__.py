"""Evidence: records exchanges without their secrets, and judges every response of a run.

Clients record through it; checks and reports read it. It sends no requests.
"""
