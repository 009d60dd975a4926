"""Copies of images with everything attached to them, between registries and OCI layouts."""
