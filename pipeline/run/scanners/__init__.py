"""Scanners: where their data comes from, and grype beside trivy."""
