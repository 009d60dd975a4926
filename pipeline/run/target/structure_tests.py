"""Splits a structure-test file: what runs inside the image, and what is read from its archive."""

from __future__ import annotations

from typing import Any

from pipeline.errors import ConfigError, Problem

_RUN_INSIDE = ("commandTests", "fileExistenceTests", "fileContentTests", "licenseTests")


def split(text: str) -> tuple[str | None, str | None]:
    """(command and file tests, metadata tests), each as a file of its own, or None when there are none.

    Raises ConfigError for anything but a container-structure-test 2.0.0 file.
    """
    import yaml  # here: a run with nothing to do starts faster without it

    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ConfigError([Problem("test.yml", 0, 0, "", f"not YAML: {fault}")]) from None
    if data is None:
        return None, None
    if not isinstance(data, dict) or str(data.get("schemaVersion")) != "2.0.0":
        raise ConfigError([Problem("test.yml", 1, 1, "schemaVersion", 'must be "2.0.0"')])
    common = {k: v for k, v in data.items() if k in ("schemaVersion", "globalEnvVars")}
    inside = {k: data[k] for k in _RUN_INSIDE if data.get(k)}
    metadata = {"metadataTest": data["metadataTest"]} if data.get("metadataTest") else {}
    return (
        yaml.safe_dump(common | inside, sort_keys=False) if inside else None,
        yaml.safe_dump(common | metadata, sort_keys=False) if metadata else None,
    )
