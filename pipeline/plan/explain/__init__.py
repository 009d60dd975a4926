"""Why each value of a target is what it is: which file says it, and what that overrides."""
