"""Files of refs, and the index that is made of what they name."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import UsageError
from pipeline.model import Descriptor, Digest, Platform, Reference
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.oci.index import make_index, platform_tag
from pipeline.run.platform_refs import PlatformRef, collect, read_refs, write_refs

AMD, ARM = Platform.parse("amd64"), Platform.parse("arm64")
DIGEST = Digest.of(b"x")


def ref(platform: Platform = AMD, digest: Digest = DIGEST) -> PlatformRef:
    where = Reference.parse("example.org/dev/a").repository.at(digest)
    return PlatformRef(f"a/1/{platform.slug}", "a", "1", platform, "k" * 64, where)


def test_round_trip_in_one_order() -> None:
    text = write_refs([ref(ARM), ref(AMD)])
    assert text == write_refs([ref(AMD), ref(ARM)])
    assert read_refs(text.encode(), "f") == (ref(AMD), ref(ARM))
    assert json.loads(text)["format_version"] == 1


def test_files_are_collected_and_must_agree() -> None:
    first, second = write_refs([ref(AMD)]).encode(), write_refs([ref(ARM)]).encode()
    assert collect({"x": first, "y": second, "z": first}) == {r.id: r for r in (ref(AMD), ref(ARM))}
    with pytest.raises(UsageError, match="another file"):
        collect({"x": first, "y": write_refs([ref(AMD, Digest.of(b"y"))]).encode()})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format_version": 2, "refs": []}',
        '{"format_version": 1, "refs": [{}]}',
        '{"format_version": 1, "refs": 3}',
        write_refs([ref()]).replace("@sha256:", ":"),
        write_refs([ref()]).replace("linux/amd64", "plan9/amd64"),
        write_refs([ref()]).replace('"1"', "1"),
        "[" * 1000,
    ],
)
def test_what_is_no_file_of_refs(text: str) -> None:
    with pytest.raises(UsageError, match=r"^refs\.json is not a file of refs"):
        read_refs(text.encode(), "refs.json")


def test_platform_tags_fit() -> None:
    assert platform_tag("ci-1-a", ARM) == "ci-1-a-linux-arm64"
    assert len(platform_tag("x" * 128, Platform.parse("linux/arm/v7"))) == 128


def test_attestations_stand_behind_the_images() -> None:
    images = [(p, Descriptor(OCI_MANIFEST, Digest.of(str(p).encode()), 9), {}) for p in (ARM, AMD)]
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(images[0][1].digest),
    }
    attestation = Descriptor(OCI_MANIFEST, Digest.of(b"a"), 3, annotations=notes)
    index = json.loads(make_index(images, [attestation]))
    assert [m["platform"]["architecture"] for m in index["manifests"]] == ["amd64", "arm64", "unknown"]
    assert index["manifests"][2]["annotations"] == notes
    assert "annotations" not in index
