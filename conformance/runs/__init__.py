"""The record of a run: written during the run, read by commands and reports.

The plugin writes it. It does not import pytest, and it never contacts the target.
"""
