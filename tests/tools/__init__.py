"""Programs that judge in tests, compiled once from the modules beside this file and kept by content."""
