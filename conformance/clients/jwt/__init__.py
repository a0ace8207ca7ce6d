"""JSON Web Tokens: their parts, encryption, and a server of signing keys."""
