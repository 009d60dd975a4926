"""Limits of reading a Dockerfile."""

MAX_NESTED = 64  # levels of substitutions in each other
MAX_EXPANDED = 4 * 1024 * 1024  # characters that all substitutions of one Dockerfile make
