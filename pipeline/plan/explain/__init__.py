"""The origin of each value of a target: the file that sets it, and the values it overrides."""
