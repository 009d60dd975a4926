"""plan, generate, graph: the catalogue alone; no engine, no registry, no network."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.errors import Exit, UsageError

from .. import output
from ..context import local_lock, read_plan
from ..explain import explain_path, explain_target, with_affected


def plan(options: argparse.Namespace) -> int:
    """Targets with their tags, bases and keys; `--json` is the plan itself, the same bytes everywhere."""
    if options.since_build and options.explain is None:
        raise UsageError(
            "--since-build belongs to --explain ID", hint="lockage plan --explain ID --since-build"
        )
    made = read_plan(options, local_lock(options))
    if options.explain is not None:
        return explain_target(made, options)
    if options.explain_path is not None:
        return explain_path(made, options)
    if options.json:
        output.out(with_affected(made.to_json(), options.impact) if options.impact else made.to_json())
        return Exit.OK
    reasons = {a.id: a.reasons for a in options.impact.affected} if options.impact else None
    for target in made.targets:
        bases = ", ".join(b.name for b in target.bases) or "nothing"
        if target.external is not None:
            bases = f"none: it is {target.external.familiar}"
        key = target.key[:12] if target.key else "no key (not locked)"
        output.out(f"{target.id}\n    tags  {', '.join(target.tags)}\n    bases {bases}\n    key   {key}\n")
        if reasons is not None:
            for why in reasons.get(target.id, ("only because others stand on it",)):
                output.out(f"    why   {why}\n")
        for warning in target.warnings:
            output.say(f"warning: {target.id}: {warning}")
    if made.unlocked:
        output.say(
            f"{len(made.unlocked)} references are not locked; the first run locks them, or `lockage lock`"
        )
    return Exit.OK


def generate(options: argparse.Namespace) -> int:
    """Write dist/, or with `--check` only say what would change (exit code 3 when something would)."""
    from pipeline.plan import check, generated_files, write

    made = read_plan(options, local_lock(options))
    folder: Path = options.root / options.output
    files = generated_files(made)
    changes = check(files, folder) if options.check else write(files, folder, made.source)
    if options.json:
        output.data(
            {"folder": str(folder), "changes": [{"path": c.path, "action": c.action} for c in changes]}
        )
    else:
        for change in changes:
            output.out(f"{change}\n")
    for target in made.targets:
        for warning in target.warnings:
            output.say(f"warning: {target.id}: {warning}")
    output.say(
        f"{len(files)} files, {len(changes)} {'would change' if options.check else 'changed'}, in {folder}"
    )
    return Exit.CONFIG if options.check and changes else Exit.OK


def graph(options: argparse.Namespace) -> int:
    """What stands on what, as text, JSON, DOT or Mermaid."""
    from pipeline.plan import RENDERERS, graph_of

    made = read_plan(options, local_lock(options))
    output.out(RENDERERS["json" if options.json else options.format](graph_of(made)))
    return Exit.OK
