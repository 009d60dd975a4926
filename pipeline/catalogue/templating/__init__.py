"""Templates: found, rendered in a sandbox, and led back from a rendered line to the line that was written."""
