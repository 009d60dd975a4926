"""What a rendered Dockerfile uses, checked against the catalogue: sources, secrets, arguments, labels, ONBUILD."""
