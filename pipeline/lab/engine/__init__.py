"""What both backends run: the engine's root file system, its configuration, certificates and emulators."""
