"""Variants: the reference behaves correctly in a different way, with other permitted codes, paging and so on."""
