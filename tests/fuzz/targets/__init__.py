"""All kinds of input from outside. A target is found by its name."""

from __future__ import annotations

from tests.fuzz.target import Target

from . import (
    build_files,
    bundles,
    caches,
    catalogue,
    ci,
    docker_config,
    dockerfile,
    git,
    layers,
    layouts,
    patterns,
    references,
    registry,
    reports,
    state,
    written_reports,
)

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (
        *(
            catalogue,
            dockerfile,
            build_files,
            patterns,
            references,
            layers,
            layouts,
            bundles,
            docker_config,
            reports,
            ci,
            git,
        ),
        *(caches, state, registry, written_reports),
    )
    for target in module.TARGETS
}
