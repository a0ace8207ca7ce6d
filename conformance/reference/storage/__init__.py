"""The S3 gateway of the reference: path-style, in memory, one access key an organization.

It has its own implementation of Signature Version 4 and follows the S3 API Reference and RFC 9110 strictly.
Buckets are provisioned: S3 requests cannot create or delete them.
"""

from conformance.reference.storage.gateway import Storage

__all__ = ["Storage"]
