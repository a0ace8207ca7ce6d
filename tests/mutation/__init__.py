"""Single changes of the reference's code: faults that nobody chose, as a measure of the checks."""
