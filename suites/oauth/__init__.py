"""Checks of the OAuth token endpoint and of its JSON Web Tokens."""
