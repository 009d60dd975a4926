"""What a run did and what the registry knows, as the values that `report` writes, and as documents."""
