"""A structure-test file in two: what runs inside the image, and what is read off its archive."""

from __future__ import annotations

from typing import Any

from pipeline.errors import ConfigError, Problem

_INSIDE = ("commandTests", "fileExistenceTests", "fileContentTests", "licenseTests")


def split(text: str) -> tuple[str | None, str | None]:
    """(command and file tests, metadata tests), each a file of its own or None when there are none.

    Raises ConfigError for what is not a container-structure-test 2.0.0 file.
    """
    import yaml  # only who runs tests needs it: a run with nothing to do is faster without

    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ConfigError([Problem("test.yml", 0, 0, "", f"not YAML: {fault}")]) from None
    if data is None:
        return None, None
    if not isinstance(data, dict) or str(data.get("schemaVersion")) != "2.0.0":
        raise ConfigError([Problem("test.yml", 1, 1, "schemaVersion", 'must be "2.0.0"')])
    common = {k: v for k, v in data.items() if k in ("schemaVersion", "globalEnvVars")}
    inside = {k: data[k] for k in _INSIDE if data.get(k)}
    metadata = {"metadataTest": data["metadataTest"]} if data.get("metadataTest") else {}
    return (
        yaml.safe_dump(common | inside, sort_keys=False) if inside else None,
        yaml.safe_dump(common | metadata, sort_keys=False) if metadata else None,
    )
