"""This user's instance as a command uses it: registry, engines, mirrors, lock and keys."""
