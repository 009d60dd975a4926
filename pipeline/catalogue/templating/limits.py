"""Limits of a rendering. Steps are counted, not seconds, so that every machine refuses the same templates."""

MAX_STEPS = 200_000  # loop turns and calls of one rendering
MAX_OUTPUT = 1024 * 1024  # characters of one rendering
