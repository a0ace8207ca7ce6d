"""Defects that no written example meets: a property finds them, each with a smallest sequence that it declares."""
