"""Checks of the organization APIs: scopes, roles, isolation, concealment and revocation."""
