"""Secondary registries: what environments hold is kept level there."""
