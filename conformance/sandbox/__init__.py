"""Resources that a run makes on the target: their names, the ledger of what was created, clean-up and sweep.

Fixtures and checks use it. It makes nothing outside the names of its run, and judges nothing.
"""
