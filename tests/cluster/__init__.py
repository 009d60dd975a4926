"""A check of its own, outside the suite: admission by policy-controller on a real API server (`tests/cluster/run`)."""
