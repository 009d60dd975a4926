"""Programs that tests kill: functions that run in processes of their own, without starting an interpreter for each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio

from pipeline.model import Descriptor, Digest, Platform, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.registry import Registry, push_layout
from pipeline.run.publish.promotion import perform, plan_promotion
from pipeline.run.publish.push import Pushed
from pipeline.run.publish.push import push as push_children
from pipeline.util.json.canonical import compact

_forked = multiprocessing.get_context("forkserver")
_forked.set_forkserver_preload([__name__])


def start(program: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """A process that runs one of this module's programs."""
    process = _forked.Process(target=_main, args=(program, *arguments))
    process.start()
    return process


async def end(process: BaseProcess) -> int | None:
    """Wait for the end; gives the exit code."""
    await anyio.to_thread.run_sync(process.join)
    return process.exitcode


def _main(program: Callable[..., Any], *arguments: Any) -> None:
    anyio.run(program, *arguments)


async def push(repo: str, folder: Path) -> None:
    """Push an OCI layout."""
    async with Registry() as registry:
        await push_layout(registry, folder, Repository.parse(repo), "1")


async def release(arguments: dict[str, Any]) -> None:
    """Push the platforms, merge them, attach statements, tag, promote."""
    builds, dev, prod = (Repository.parse(arguments[name]) for name in ("builds", "dev", "prod"))
    children = [Pushed(Platform.parse(name), Digest(digest)) for name, digest in arguments["children"]]
    async with Registry() as registry:
        index, pushed = await push_children(registry, builds, dev, children)
        config = await registry.put_blob(dev, EMPTY_JSON, Descriptor.of(EMPTY_JSON, OCI_EMPTY))
        for subject in (*pushed, index):
            there = await registry.referrers(dev, subject.digest)
            if there:
                continue
            text = f"statement about {subject.digest}".encode()
            layer = await registry.put_blob(dev, text, Descriptor.of(text, "text/plain"))
            bare = Descriptor(subject.media_type, subject.digest, subject.size)
            raw = compact(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "artifactType": "application/vnd.example.statement",
                    "config": config.to_oci(),
                    "layers": [layer.to_oci()],
                    "subject": bare.to_oci(),
                }
            )
            await registry.put_manifest(dev, raw, OCI_MANIFEST)
        await perform(registry, await plan_promotion(registry, dev, index.digest, dev, ["ci-1"]))
        for tags in (["1.2.3", "1.2"], ["latest"]):
            await perform(registry, await plan_promotion(registry, dev, index.digest, prod, tags))
