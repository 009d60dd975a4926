"""What a service prints, kept in a cache volume: Dagger shows it to people and gives it to no API."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import LockageError
from pipeline.util.dataclass import dataclass

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

_FOLDER = "/.lockage-log"
_SHELL = "/bin/sh"
_KEEP = f'exec "$@" >>{_FOLDER}/log 2>&1'
_READ = f"tail -c {{bytes}} {_FOLDER}/log; :"
_MOST_BYTES = 4000
_LONGEST = 30.0  # seconds that reading may take


@dataclass(frozen=True, slots=True)
class ServiceLog:
    """The log of one service of an image whose shell starts it; `entrypoint` and `user` are the image's own."""

    image: dagger.Container
    volume: dagger.CacheVolume
    entrypoint: tuple[str, ...]
    user: str | None

    @classmethod
    async def of(cls, client: dagger.Client, image: dagger.Container) -> ServiceLog | None:
        """A new, empty log; None for an image without a shell, or with nothing that could be started."""
        entrypoint = await image.entrypoint()
        if not await image.exists(_SHELL) or not (entrypoint or await image.default_args()):
            return None
        volume = client.cache_volume(f"lockage-service-log-{uuid.uuid4().hex}")
        return cls(image, volume, tuple(entrypoint), await image.user() or None)

    def keeping(self, image: dagger.Container) -> dagger.Container:
        """The image with an entrypoint that becomes the image's own, its output kept."""
        command = [_SHELL, "-c", _KEEP, "sh", *self.entrypoint]
        return self._mounted(image).with_entrypoint(command, keep_default_args=True)

    async def read(self) -> str:
        """The last lines so far; empty where they cannot be read."""
        reader = self._mounted(self.image).without_entrypoint()
        reader = reader.with_env_variable(
            "LOCKAGE_READ", uuid.uuid4().hex
        )  # or an earlier answer is recalled
        try:
            with anyio.fail_after(_LONGEST), explained("reading the log of a service"):
                output = await reader.with_exec([_SHELL, "-c", _READ.format(bytes=_MOST_BYTES)]).stdout()
        except (TimeoutError, LockageError):
            return ""
        return tail(output)

    def _mounted(self, image: dagger.Container) -> dagger.Container:
        return image.with_mounted_cache(_FOLDER, self.volume, owner=self.user)
