"""`licenses:`, `secrets:` and `size:` of a policy, as written."""
