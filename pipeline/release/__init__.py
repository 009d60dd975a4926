"""Releases: promotion between environments, verification, examination again."""
