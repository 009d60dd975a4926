"""The git tag of a release's name, which a release does not need."""

from __future__ import annotations

from pipeline.errors import UsageError


def require_same_commit(name: str, tagged: str | None, commit: str, checkout: str) -> None:
    """Raises UsageError where the git tag is at another commit than the images; `checkout` is the command that would
    change that. `tagged` is empty where there is no such tag."""
    if tagged and commit and tagged != commit:
        raise UsageError(
            f"the git tag {name} is at commit {tagged[:12]}, and the images are those of {commit[:12]}",
            hint=f"{checkout}, or --revision {tagged}",
        )
