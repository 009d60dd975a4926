"""Which times of a layer tell when it was built, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT = 315_619_200
"""What every file of a build context bears, in seconds since 1970 (2 January 1980: what zip can still say).

Not the commit's time: an engine takes a COPY from its cache whatever the times of the files, and the next
commit's image would have the times of the one before.
"""


@dataclass(frozen=True, slots=True)
class Times:
    """`epoch` stands for the time of every folder, and for every time of something else that is later than itself,
    that is not before `since`, or that is CONTEXT.

    `since` is when the build began: its steps may have run long before the commit that now takes them from an
    engine's cache, so being later than the epoch is not enough of a sign. A folder is in a layer because something
    in it changed, and bears the time of some layer below if it is not its own. All in seconds since 1970.

    An epoch of 0 is a moment that nobody knows, and nothing is too late for it where `since` is known: otherwise
    every file of every package would seem to be of 1970, and modules compiled for their own times be stale.
    """

    epoch: int
    since: int | None = None

    def of(self, mtime: int, *, folder: bool = False) -> int:
        """The time to write for one that was found; nanoseconds, the result in whole seconds."""
        seconds = mtime // 10**9
        late = seconds > self.epoch and (self.epoch != 0 or self.since is None)
        built = self.since is not None and seconds >= self.since
        return (self.epoch if folder or late or built or seconds == CONTEXT else seconds) * 10**9


NEVER = Times(0, -(2**63))
"""One time for everything: for telling whether layers are the same but for their times."""
