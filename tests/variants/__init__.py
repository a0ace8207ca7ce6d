"""The variants that no check may accuse, by surface and topic. The package has some 40 of them."""
