"""A second scanner's findings, joined with those of trivy before anything is judged."""
