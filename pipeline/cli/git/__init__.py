"""What git and the CI know of a checkout: its commit, the event that started a run, earlier files."""
