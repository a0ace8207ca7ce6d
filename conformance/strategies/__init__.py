"""What to try: hypothesis strategies, one file a surface, and ``explores``, which makes a check a property."""
