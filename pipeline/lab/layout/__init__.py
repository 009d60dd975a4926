"""OCI image layouts built from files, the same bytes each time."""
