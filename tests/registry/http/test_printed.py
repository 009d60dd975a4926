"""What a registry says and stores, as the program prints it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.model import Descriptor
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.oci.artifact import TITLE
from tests.cli.output.test_printed import EVIL, inert
from tests.registry.scripted_server import scripted

from .test_messages import lockage

pytestmark = [pytest.mark.anyio, pytest.mark.real]

WHO = [pytest.param({}, id="terminal"), pytest.param({"GITHUB_ACTIONS": "true"}, id="github")]


@pytest.mark.parametrize("environ", WHO)
async def test_the_message_of_a_refusal(environ: dict[str, str], tmp_path: Path) -> None:
    body = {"errors": [{"code": EVIL, "message": EVIL, "detail": EVIL}]}
    script = lambda _: web.json_response(body, status=403)  # noqa: E731
    async with scripted(script) as server:
        for flags in ((), ("--json",)):
            done = await lockage(tmp_path, "artifact", "show", f"{server.host}/a:1", *flags, **environ)
            assert done.code == 5, done.err
            assert "add-mask" in inert(done.err) and "Traceback" not in done.err
            assert not flags or "add-mask" in json.loads(inert(done.out))["error"]["detail"]


@pytest.mark.parametrize("environ", WHO)
async def test_what_an_artifact_is_annotated_with(environ: dict[str, str], tmp_path: Path) -> None:
    file = Descriptor.of(b"x", "text/plain").to_oci() | {"annotations": {TITLE: EVIL}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/x",
        "config": Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json").to_oci(),
        "layers": [file],
        "annotations": {EVIL: EVIL, "::add-mask::x": "##[group]"},
    }
    raw = json.dumps(manifest).encode()
    script = lambda _: web.Response(body=raw, headers={"Content-Type": OCI_MANIFEST})  # noqa: E731
    async with scripted(script) as server:
        done = await lockage(tmp_path, "artifact", "show", f"{server.host}/a:1", **environ)
        assert done.code == 0, done.err
        assert "add-mask" in inert(done.out)
        done = await lockage(tmp_path, "artifact", "show", f"{server.host}/a:1", "--json", **environ)
        assert json.loads(inert(done.out))["annotations"][EVIL] == EVIL
