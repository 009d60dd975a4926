"""`sign:` of lockage.yml: who signs images where no key does."""
