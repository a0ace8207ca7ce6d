"""Named ways to make the reference break one promise each; see ``base`` for what a defect is."""
