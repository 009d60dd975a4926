"""Registries' own APIs for what the distribution API does not do."""
