"""Named ways for the reference to be correct otherwise: other codes of a set, other paging, and the like."""
