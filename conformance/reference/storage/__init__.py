"""The S3 gateway of the reference: path-style, in memory, one access key an organization.

It verifies Signature Version 4 with code of its own and keeps the S3 API Reference and RFC 9110 strictly.
Buckets are provisioned beforehand: none is made or removed through S3.
"""

from conformance.reference.storage.gateway import Storage

__all__ = ["Storage"]
