"""Engine and registry without Docker: processes in namespaces of their own."""
