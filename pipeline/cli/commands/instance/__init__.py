"""Commands for this user's engine and registry."""
