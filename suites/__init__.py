"""The checks, by area; packages, so that ``pytest --pyargs`` finds them."""
