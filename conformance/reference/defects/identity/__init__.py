"""Defects of the identity surface, a module for each family of its promises."""
