"""A kept plan, read back when nothing it was made from has changed."""
