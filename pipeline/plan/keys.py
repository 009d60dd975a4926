"""A target's key: a hash over all its inputs, and nothing else.

The inputs, as returned by `key_inputs`:

    format      KEY_FORMAT; incremented when the meaning of any other input changes
    builder     the builder: the tag of the project's `buildkit` tool
    platform    linux/amd64
    dockerfile  the Dockerfile with internal bases replaced by `key:<their key>` and external ones by
                `name@digest`, so that neither a tag nor a snapshot's name matters
    syntax      `name@digest` of the frontend that reads the Dockerfile, None for the builder's own
    rootfs      path, kind, mode, and content digest or link target of every entry
    contexts    for each named context its name and `key:…`, `name@digest`, address, or entries as for rootfs
    labels      the labels that do not change from commit to commit
    arguments   build arguments

An external target is not built, so its inputs are `format`, `platform` and

    external    `name@digest` of its image

The test, the gates, tags and aliases are not inputs: they judge or name an image and do not change it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from pipeline.catalogue.named_contexts import NamedContext
from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.util.json.canonical import compact

from .plan import Target

KEY_FORMAT = 2


def key_inputs(
    target: Target,
    base_keys: Mapping[str, str],
    *,
    builder: str,
) -> dict[str, object] | None:
    """All inputs of the key; None if an external base or the frontend has no digest, or an internal base has no key.

    `base_keys` are the keys of the target's bases, by id; `builder` is the plan's.
    """
    if target.external is not None:
        if target.external.digest is None:
            return None
        exact = f"{target.external.repository}@{target.external.digest}"
        return {"format": KEY_FORMAT, "platform": str(target.platform), "external": exact}
    names: dict[str, str] = {}
    for base in target.bases:
        if base.target_id is not None:
            key = base_keys.get(base.target_id)
            if key is None:
                return None
            names[base.target_id] = f"key:{key}"
        elif base.reference is None or base.reference.digest is None:
            return None
        else:
            names[base.name] = f"{base.reference.repository}@{base.reference.digest}"
    contexts = {context.name: _context(context, base_keys) for context in target.contexts}
    if None in contexts.values():
        return None
    if target.syntax is not None and target.syntax.digest is None:
        return None
    return {
        "format": KEY_FORMAT,
        "builder": builder,
        "platform": str(target.platform),
        "dockerfile": target.dockerfile_on(names),
        "syntax": target.syntax and f"{target.syntax.repository}@{target.syntax.digest}",
        "rootfs": rootfs_input(target.rootfs),
        "contexts": contexts,
        "labels": dict(target.labels),
        "arguments": dict(target.arguments),
    }


def rootfs_input(entries: Iterable[RootfsEntry]) -> list[list[object]]:
    """The input of a rootfs, or of a folder that is a named context."""
    return [[e.path, e.kind, e.mode, e.sha256 if e.kind == "file" else e.target] for e in entries]


def _context(context: NamedContext, base_keys: Mapping[str, str]) -> object:
    """The input of a context; None for an image without a key or digest."""
    if context.kind != "image":
        return context.url or rootfs_input(context.entries)
    if context.target_id is not None:
        key = base_keys.get(context.target_id)
        return key and f"key:{key}"
    reference = context.reference
    return f"{reference.repository}@{reference.digest}" if reference and reference.digest else None


def key_of(inputs: Mapping[str, object]) -> str:
    """The key: the SHA-256 of the inputs' canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(compact(inputs)).hexdigest()
