"""What the repository of builds remembers: a record per key, build inputs, the run state."""
