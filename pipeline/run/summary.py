"""The results of a run as plain text, for callers without a terminal such as a Dagger function."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import ConfigError, LockageError
from pipeline.util.printable import safe_line, safe_text

from .results import ImageResult, RunResult, Status, TargetResult

_TITLES = ("image", "tag", "platform", "status", "digest", "findings", "tests", "signature", "promoted")


def table(result: RunResult) -> str:
    """One line for each target, digests in full; below them the index of each image tag, by digest, and what became of
    tags."""
    images = {(i.image, i.tag): i for i in result.images}
    rows = [_row(t, images.get((t.image, t.tag))) for t in result.targets]
    lines = columns([_TITLES, *rows])
    pushed = [str(i.pushed) for i in result.images if i.pushed]
    tags = [safe_line(str(tag)) for image in result.images for tag in (*image.moves, *image.kept)]
    parts = ("\n".join(pushed), "\n".join([*tags, *map(safe_line, result.notes)]), unnoticed(result))
    return lines + "".join(f"\n{part}\n" for part in parts if part)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns, printable; columns without content are left out."""
    cells = [tuple(map(safe_line, row)) for row in rows]
    used = [i for i in range(len(cells[0])) if any(row[i] not in ("", "-") for row in cells[1:])]
    widths = {i: max(len(row[i]) for row in cells) for i in used}
    return "".join("  ".join(row[i].ljust(widths[i]) for i in used).rstrip() + "\n" for row in cells)


def problems(result: RunResult) -> str:
    """Everything that went wrong, one printable paragraph each: the fault with detail and hint, or closed gates."""
    paragraphs = []
    for target in result.targets:
        paragraphs += [
            safe_line(f"{target.id}: gate {v.gate} {v.state}: {'; '.join(v.reasons)}")
            for v in target.verdicts
            if not v.passed
        ]
        if target.status is Status.ABORTED:
            paragraphs.append(safe_line(f"{target.id}: aborted: {target.reason}"))
    faults = [(target.id, target.fault) for target in result.targets if target.fault]
    faults += [(f"{image.image}:{image.tag}", image.fault) for image in result.images if image.fault]
    paragraphs += [f"{safe_line(name)}: {describe(fault)}" for name, fault in faults]
    return "\n".join(paragraphs)


def unnoticed(result: RunResult) -> str:
    """How many findings no gate closed on or noted, by severity, and the command that shows them; empty for none."""
    counts = result.unnoticed
    if not counts:
        return ""
    number = sum(counts.values())
    listed = ", ".join(f"{count} {severity.lower()}" for severity, count in counts.items())
    noun = "finding passes" if number == 1 else "findings pass"
    return f"{number} {noun} unnoticed ({listed}): lockage findings"


def describe(fault: LockageError) -> str:
    """An error as printable lines: message, detail, and the next command."""
    if isinstance(fault, ConfigError):
        detail = [safe_line(str(problem)) for problem in fault.problems]
    else:
        detail = [safe_text(line) for line in (fault.detail or "").splitlines()]
    hint = [safe_line(f"next: {fault.hint}")] if fault.hint else []
    return "\n".join([safe_line(fault.message), *detail, *hint])


def _row(target: TargetResult, image: ImageResult | None) -> tuple[str, ...]:
    data = target.to_json()
    findings, tests = data.get("findings"), data.get("tests")
    counts = " ".join(f"{n} {name.lower()}" for name, n in findings.items()) if findings else ""
    return (
        target.image,
        target.tag,
        str(target.platform).removeprefix("linux/"),
        str(target.status),
        str(target.digest or "-"),
        counts or ("none" if findings is not None else "-"),
        f"{tests['passed']}/{tests['total']}" if tests else "-",
        "verified" if image and image.signed else "-",
        ", ".join(f"{r.repository.path}:{r.tag}" for r in image.promoted) if image else "-",
    )
