"""HTTP on the wire: connections, proxies, TLS, pacing, and requests that no HTTP library sends. Judges nothing."""
