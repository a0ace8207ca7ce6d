"""The registry: logins, tokens, uploads, manifests, tags, and sample images to push."""
