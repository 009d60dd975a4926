"""What every room uses and no room owns: concurrency, lazy imports, temporary space, text for people."""
