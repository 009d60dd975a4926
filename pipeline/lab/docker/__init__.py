"""The Docker backend: engine and registry as containers."""
