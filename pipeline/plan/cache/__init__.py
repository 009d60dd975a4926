"""A cached plan, read back if none of its inputs has changed."""
