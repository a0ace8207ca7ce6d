"""Variants of the S3 gateway."""
