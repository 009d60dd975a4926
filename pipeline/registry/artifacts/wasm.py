"""The config of a WebAssembly module as an artifact (CNCF, "Wasm OCI Artifact layout")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.model import Descriptor
from pipeline.util.json.canonical import compact

WASM = "application/wasm"
WASM_CONFIG = "application/vnd.wasm.config.v0+json"


def module_config(paths: Sequence[Path], layers: Sequence[Descriptor]) -> bytes:
    """The config for the only file, a module; its time is fixed, so that equal modules have equal configs.

    Raises UsageError if there are several files, or the file is not a module.
    """
    if len(layers) != 1 or layers[0].media_type != WASM:
        raise UsageError("--wasm takes one file", hint=f"lockage artifact push REF app.wasm:{WASM} --wasm")
    with paths[0].open("rb") as file:
        head = file.read(8)
    if head[:4] != b"\0asm":
        raise UsageError(f"{paths[0]} is not WebAssembly", hint="a module starts with the bytes \\0asm")
    if head[4:] != b"\x01\0\0\0":
        raise UsageError(
            f"{paths[0]} is a component, whose config must list its imports and exports",
            hint=f"write that config and name it: --config config.json:{WASM_CONFIG}",
        )
    return compact(
        {
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip1",
            "layerDigests": [str(layer.digest) for layer in layers],
        }
    )
