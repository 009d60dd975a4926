"""Scanners beside trivy, each a step in the engine."""
