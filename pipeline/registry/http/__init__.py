"""Requests over the wire: one session, bounded per host, retried, with faults turned into errors."""
