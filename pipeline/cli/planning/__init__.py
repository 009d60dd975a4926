"""From options to a plan, and what a plan's values and changes come from."""
