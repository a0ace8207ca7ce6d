"""What is right: each function raises NonConformance, in words, where observed is not as expected."""
