"""Dagger's SDK without what this program does not use of it: what it imports, and the schema that it fetches."""
