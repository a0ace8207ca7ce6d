"""The record of a run: written during the run, read by every command and report afterwards.

The plugin writes it. It does not import pytest, and it never contacts the target.
"""
