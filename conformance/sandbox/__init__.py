"""What a run makes on the target: names of its own, a ledger of what was created, clean-up and sweep."""
