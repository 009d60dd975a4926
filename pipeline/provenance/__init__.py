"""What is attested of builds, tests and verdicts: predicates of SLSA and in-toto, as data.

Nothing here signs or requests anything; `run/publish` makes statements of it. The types are documented in
docs/provenance-build-type.md. Names are imported on first use: a run with nothing to attest needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .artifact import ARTIFACT_TYPE, ArtifactBuild, PackedFile, artifact_predicate
    from .build import BUILD_TYPE, Build, build_predicate, rebuildable
    from .index import ARCHIVE_TYPE, INDEX_TYPE, IndexBuild, archive_predicate, index_predicate
    from .origin import LOCAL, Origin
    from .recipe import Recipe
    from .summary import VERIFIER, Judged, is_current, policy_digest, summary_predicate
    from .test_result import result_predicate

if not TYPE_CHECKING:
    __getattr__ = names(
        __name__,
        {
            "artifact": (
                "ARTIFACT_TYPE",
                "ArtifactBuild",
                "PackedFile",
                "artifact_predicate",
            ),
            "build": (
                "BUILD_TYPE",
                "Build",
                "build_predicate",
                "rebuildable",
            ),
            "index": (
                "ARCHIVE_TYPE",
                "INDEX_TYPE",
                "IndexBuild",
                "archive_predicate",
                "index_predicate",
            ),
            "origin": (
                "LOCAL",
                "Origin",
            ),
            "recipe": ("Recipe",),
            "summary": (
                "VERIFIER",
                "Judged",
                "is_current",
                "policy_digest",
                "summary_predicate",
            ),
            "test_result": ("result_predicate",),
        },
    )

__all__ = [
    "ARCHIVE_TYPE",
    "ARTIFACT_TYPE",
    "BUILD_TYPE",
    "INDEX_TYPE",
    "LOCAL",
    "VERIFIER",
    "ArtifactBuild",
    "Build",
    "IndexBuild",
    "Judged",
    "Origin",
    "PackedFile",
    "Recipe",
    "archive_predicate",
    "artifact_predicate",
    "build_predicate",
    "index_predicate",
    "is_current",
    "policy_digest",
    "rebuildable",
    "result_predicate",
    "summary_predicate",
]
