"""Retention: repositories read, what is deleted decided, deleted, verified and recorded."""
