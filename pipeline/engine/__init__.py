"""The Dagger engine: one file for each step. Beside module/, only this room imports `dagger`."""
