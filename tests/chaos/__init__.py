"""A reference whose answers are changed by chance, and runs against it: the suite survives whatever a target says."""
