"""Release notes: what a version is, what changed, and how to verify and install it."""
