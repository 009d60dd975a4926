"""Commands that read or write a catalogue: no engine, and but for lock and outdated no registry."""
