"""Pull requests at GitHub, merge requests at GitLab: which are closed, and one that proposes a file."""
