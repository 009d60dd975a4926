"""An image that is built again with the same files: the tools do not read it again, and its documents are its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline.engine.image import archive
from pipeline.engine.sbom import DOCUMENTS, SyftListing
from pipeline.model import Reference
from tests.real import samples
from tests.real.conftest import commit
from tests.real.site import Site

from .test_sbom import Published, attested
from .test_scanner_cache import scanner

pytestmark = pytest.mark.real
REVISION = "org.opencontainers.image.revision"


def test_the_same_files_are_scanned_once_and_documents_have_their_own_labels(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    files = samples.hello()
    files["images/hello/image.yml"] += "labels: {team: a}\n"
    root = project(files)
    dockerfile = root / "images/hello/Dockerfile.tmpl"
    reports: list[Any] = []
    for text in (dockerfile.read_text(), "# a comment\n" + dockerfile.read_text()):
        dockerfile.write_text(text)
        revision = commit(root)
        signed = Published(root, site.run("sign", "--json", cwd=root).json)
        image = signed.child("hello")
        (findings,), (listed,) = (attested(site, image, kind, tmp_path) for kind in ("vuln", "cyclonedx"))
        report = findings["scanner"]["result"]
        assert report["ArtifactName"] == image
        assert image.partition("@")[2] in listed["metadata"]["component"]["purl"]
        labels = report["Metadata"]["ImageConfig"]["config"]["Labels"]
        assert (labels["team"], labels[REVISION]) == ("a", revision)
        properties = {each["name"]: each["value"] for each in listed["metadata"]["properties"]}
        assert properties == {f"syft:image:labels:{name}": value for name, value in labels.items()}
        reports.append(report)
    first, second = reports
    assert first["Metadata"]["ImageID"] != second["Metadata"]["ImageID"]
    assert first["ReportID"] == second["ReportID"], "the image was scanned again"
    assert first["CreatedAt"] < second["CreatedAt"], "findings are of the time at which they are asked for"


def test_the_same_files_are_listed_once(site: Site) -> None:
    """By the serial number that syft makes up for each document; a label that is left to it is read."""

    async def work() -> None:
        async with scanner(site) as (scans, _):
            syft = Reference.parse(str(scans.tool).replace("aquasec/trivy:0.74.0", "anchore/syft:v1.18.1"))
            listing = SyftListing(scans.client, syft, "app", "1")
            image = scans.client.container().with_new_file("/once", secrets.token_hex(8))

            async def serial(commit: str, without: Collection[str]) -> str:
                packed = archive(image.with_label(REVISION, commit * 40), without)
                _, file = DOCUMENTS["cyclonedx-json"]
                document = json.loads(await listing.documents(packed).file(file).contents())
                return str(document["serialNumber"])

            first = await serial("a", (REVISION,))
            assert await serial("b", (REVISION,)) == first
            assert await serial("b", ()) != first

    anyio.run(work)
