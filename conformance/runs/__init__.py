"""The record of a run: written as it happens, read by everything that comes after."""
