"""JSON: one way to write it, types for what is read, and schemas of what is written."""
