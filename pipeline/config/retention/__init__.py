"""`retention:` of lockage.yml, as written."""
