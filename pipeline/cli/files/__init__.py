"""Folders and files of people: read as they are, written whole, never overwritten by accident."""
