"""Templates: search, rendering in a sandbox, and the template line of a rendered line."""
