"""How to talk to the target, one file a surface: no assertions, and nothing repaired behind a check's back."""
