"""What the registry knows of images, for people and for a CI; no engine is started."""
