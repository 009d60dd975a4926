"""Reports of a run and of what the registry knows: collected here, written by `pipeline.report`, put where they go."""
