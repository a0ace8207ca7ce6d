"""The suite's words: verdicts, requirements, exchanges, findings, and how a check names what it verifies."""
