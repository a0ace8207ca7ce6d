"""What is wrong with an answer by itself, whatever was asked for, over all answers of a run: a judgement a function."""

DETAIL = "; "
"""Between what is wrong, by which a check finds it, and what else there is to say of it."""
