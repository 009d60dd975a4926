"""Check what a rendered Dockerfile uses against the catalogue: sources, secrets, arguments, labels, ONBUILD."""
