"""Exemptions that are in force on a day, and those that have expired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pipeline.model.verification import Exemption


def in_force(exemptions: Iterable[Exemption], today: date) -> tuple[Exemption, ...]:
    """The exemptions that hold today."""
    return tuple(exemption for exemption in exemptions if today <= exemption.expires)


def expired(exemptions: Iterable[Exemption], today: date) -> tuple[str, ...]:
    """A warning for each exemption that no policy has any more."""
    return tuple(
        f"the exemption of {', '.join(e.images)} ({e.owner}: {e.reason}) expired on {e.expires}: its rules apply"
        for e in exemptions
        if today > e.expires
    )


def exemption_note(exemption: Exemption) -> str:
    """The comment beside an exemption that is written."""
    images = ", ".join(exemption.images)
    return f"EXEMPT until {exemption.expires}: {images} ({exemption.owner}: {exemption.reason})"
