"""Single changes to the reference's own code, as a measure of what the checks notice that nobody thought of."""
