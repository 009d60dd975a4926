"""`tools:` of lockage.yml, and where scanners have their data."""
