"""The bytes of artifact manifests: other tools and older versions of this one find artifacts by their digest."""

from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.oci.artifact import EMPTY_DESCRIPTOR, TITLE, artifact_manifest

TYPE = "application/vnd.example.notes.v1+json"
CONTENT = b'{"a":1}'
SHA = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
EMPTY = (
    '{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",'
    '"mediaType":"application/vnd.oci.empty.v1+json","size":2}'
)


def test_an_artifact_without_a_config_has_the_empty_one() -> None:
    manifest = artifact_manifest(TYPE, [Descriptor.of(CONTENT, TYPE)])
    assert manifest.raw.decode() == (
        f'{{"artifactType":"{TYPE}","config":{EMPTY},'
        f'"layers":[{{"digest":"sha256:{SHA}","mediaType":"{TYPE}","size":7}}],'
        f'"mediaType":"{OCI_MANIFEST}","schemaVersion":2}}'
    )


def test_everything_given_is_written() -> None:
    layer = Descriptor.of(CONTENT, TYPE, annotations={TITLE: "notes.json"})
    other = Descriptor.of(b"other", "text/plain")
    subject = Descriptor(OCI_MANIFEST, Digest.of(b"image"), 5, artifact_type="x/y", annotations={"z": "z"})
    manifest = artifact_manifest(
        None,
        [layer, other],
        config=Descriptor.of(b"{ }", "application/vnd.example.config"),
        subject=subject,
        annotations={"b": "2", "a": "1"},
        embedded={layer.digest: CONTENT},
    )
    assert manifest.raw.decode() == (
        '{"annotations":{"a":"1","b":"2"},'
        f'"config":{{"digest":"{Digest.of(b"{ }")}","mediaType":"application/vnd.example.config","size":3}},'
        f'"layers":[{{"annotations":{{"{TITLE}":"notes.json"}},"data":"eyJhIjoxfQ==",'
        f'"digest":"sha256:{SHA}","mediaType":"{TYPE}","size":7}},'
        f'{{"digest":"{other.digest}","mediaType":"text/plain","size":5}}],'
        f'"mediaType":"{OCI_MANIFEST}","schemaVersion":2,'
        f'"subject":{{"digest":"{subject.digest}","mediaType":"{OCI_MANIFEST}","size":5}}}}'
    )


def test_the_manifest_is_the_one_that_its_bytes_hold() -> None:
    manifest = artifact_manifest(TYPE, [Descriptor.of(CONTENT, TYPE)], annotations={"a": "1"})
    parsed = Manifest.parse(manifest.raw, OCI_MANIFEST)
    assert manifest == parsed
    assert (manifest.config, manifest.layers, manifest.annotations, manifest.artifact_type) == (
        EMPTY_DESCRIPTOR,
        parsed.layers,
        {"a": "1"},
        TYPE,
    )
