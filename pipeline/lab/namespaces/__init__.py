"""The lab backend, without Docker: the engine in namespaces, the registry as a process."""
