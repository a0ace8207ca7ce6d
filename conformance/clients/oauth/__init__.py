"""The token endpoint: requests, tokens by role, and care not to lock a client out. Judges nothing."""
