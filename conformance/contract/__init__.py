"""What is promised: requirements as data (``*.toml``), each quoting its clause, and the catalogue over them."""
