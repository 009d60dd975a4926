"""What the repository of builds remembers: a record per key, build inputs, run state."""
