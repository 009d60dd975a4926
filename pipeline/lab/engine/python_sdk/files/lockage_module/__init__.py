"""Serves the functions of a Python module on Dagger's SDK, without what a single call does not need of it."""
