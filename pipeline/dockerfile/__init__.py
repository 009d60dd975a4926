"""Dockerfiles read as BuildKit reads them: instructions, words, the images they stand on, what they copy."""
