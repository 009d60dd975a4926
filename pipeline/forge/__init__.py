"""Releases on the pages of GitHub and GitLab: what is wanted, what is there, and what makes the one of the other."""
