"""`verify:` as it is written: of an environment in lockage.yml, or in a file of a consumer's own."""
