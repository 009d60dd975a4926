"""Dockerfiles, parsed as BuildKit does: instructions, words, base images, sources of COPY."""
