"""The S3 gateway: signatures, request bodies, chunked uploads, the SDK's client."""
