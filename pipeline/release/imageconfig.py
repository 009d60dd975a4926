"""What an image's config says of how it came to be, and what it says in the normal form (OCI image-spec v1.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.registry.manifest import load_json

from .layer import LayerFault

_IMPORTED = "import image layer "  # what the engine writes of the layers of a FROM, their digest behind it


def read_config(raw: bytes, layers: int, where: object) -> dict[str, Any]:
    """The config of an image with so many layers; raises LayerFault if it is not one."""
    try:
        config = load_json(raw)
        diff_ids = config["rootfs"]["diff_ids"]
        if not isinstance(diff_ids, list) or not all(isinstance(d, str) for d in diff_ids):
            raise ValueError("rootfs.diff_ids")
        if len(diff_ids) != layers:
            raise ValueError(f"{len(diff_ids)} diff_ids for {layers} layers")
    except (ValueError, KeyError, TypeError) as fault:
        raise LayerFault(f"the config of {where} cannot be read: {fault}") from None
    return config


def begun(config: Mapping[str, Any], layers: int, below: Collection[int]) -> int | None:
    """When the first step of the build began (seconds since 1970), by the engine's history; None if unknown.

    `below` are the numbers of the base's layers. A second earlier, because files get their times from a coarser
    clock.
    """
    steps = enumerate(_steps(config, layers))
    moments = [_seconds(step.get("created")) for n, step in steps if n not in below and not _imported(step)]
    return min((m for m in moments if m is not None), default=None)


def normal_config(
    config: Mapping[str, Any], epoch: int, diff_ids: Sequence[str], bases: Mapping[int, str]
) -> dict[str, Any]:
    """The config with these diff_ids, created at the epoch, and every step of its history too.

    The engine writes a history of its own, base and all, with the moments at which layers came to its cache.
    `bases` are the digests of layers by number that the history is to name instead of what it names.
    """
    moment = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = dict(config) | {"created": moment, "rootfs": {"type": "layers", "diff_ids": list(diff_ids)}}
    if isinstance(config.get("history"), list):
        out["history"] = [e | {"created": moment} if isinstance(e, dict) else e for e in config["history"]]
        for number, step in enumerate(_steps(out, len(diff_ids))):
            if number in bases:
                step["created_by"] = f"{_IMPORTED}{bases[number]}"
    return out


def _imported(step: Mapping[str, Any]) -> bool:
    return str(step.get("created_by")).startswith(_IMPORTED)


def _steps(config: Mapping[str, Any], layers: int) -> list[dict[str, Any]]:
    """The step behind each layer; none if there is not one for each."""
    history = config.get("history")
    if not isinstance(history, list):
        return []
    steps = [e for e in history if isinstance(e, dict) and not e.get("empty_layer")]
    return steps if len(steps) == layers else []


def _seconds(created: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(created)[:19] + "+00:00").timestamp()) - 1
    except (ValueError, OverflowError):
        return None
