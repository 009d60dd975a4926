"""The Dagger module without an engine: arguments and selection."""
