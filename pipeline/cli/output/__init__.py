"""What people and CI see: data on stdout; messages, progress and annotations on stderr."""
