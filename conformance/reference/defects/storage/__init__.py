"""Defects of the S3 gateway, a module for each part of its contract."""
