"""The Dagger engine: one file for each step. Beside module.py, only this room imports `dagger`."""
