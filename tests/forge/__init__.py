"""Releases on GitHub and GitLab, whose APIs are servers made from their documentation."""
