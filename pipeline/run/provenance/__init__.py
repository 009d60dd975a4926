"""Provenance in a run: made when a target is built, and built again from."""
