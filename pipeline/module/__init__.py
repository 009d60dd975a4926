"""Lockage as a Dagger module: what the commands do, as functions for any caller of a Dagger engine."""

from .lockage import Lockage

__all__ = ["Lockage"]
