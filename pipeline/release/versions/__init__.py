"""Releases of versions: their names, how they are made, and which there were."""
