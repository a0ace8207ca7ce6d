"""Resources that a run creates on the target: names, ledger, clean-up and sweep. It judges nothing."""
