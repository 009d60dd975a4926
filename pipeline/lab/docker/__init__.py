"""Engine and registry as Docker containers."""
