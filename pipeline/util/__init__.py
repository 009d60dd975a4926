"""What every room uses: concurrency, JSON, lazy imports, locks, temporary space, suggestions."""
