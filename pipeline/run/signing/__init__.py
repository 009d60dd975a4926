"""Statements about what is published, signed and attached: evidence first, verdicts after it, the signature last."""
