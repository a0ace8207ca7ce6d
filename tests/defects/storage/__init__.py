"""Defects of the S3 gateway."""
