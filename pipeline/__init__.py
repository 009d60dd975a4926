"""Lockage: pipeline-as-code for fleets of container images."""
