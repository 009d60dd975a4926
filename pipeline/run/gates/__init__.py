"""What gates need beside a record: the plan, layers, and what an environment holds."""
