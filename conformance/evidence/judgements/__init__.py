"""What is wrong with an answer by itself, whatever was asked for, over all answers of a run: a judgement a function."""
