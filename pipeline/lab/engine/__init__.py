"""The engine image, its configuration and what it needs, whichever backend runs it."""
