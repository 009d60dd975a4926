"""Images as files: archives that leave and enter without a registry."""
