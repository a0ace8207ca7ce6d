"""The token endpoint: requests, tokens by role, and prevention of account lockout."""
