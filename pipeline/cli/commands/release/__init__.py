"""Commands for images that were pushed: promote, verify, copy, export."""
