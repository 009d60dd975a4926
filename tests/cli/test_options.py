"""Options: declared once as fields of a frozen value, parsed into it, converted where they are wrong into an error."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from pipeline.cli.arguments import names, read
from pipeline.cli.command import Command, CommandGroup
from pipeline.cli.commands import ENTRIES, load
from pipeline.cli.commands.release.copy import CopyOptions
from pipeline.cli.commands.run.manifest import ManifestOptions
from pipeline.cli.commands.run.run import RunCommandOptions
from pipeline.cli.common_options import Shard
from pipeline.cli.instance.engines import EngineAddress, parse_engines
from pipeline.cli.parser import make_parser
from pipeline.errors import UsageError
from pipeline.model import Platform, Reference


def commands() -> Iterator[tuple[str, Command[Any]]]:
    for entry in ENTRIES:
        command = load(entry)
        if isinstance(command, CommandGroup):
            yield from ((f"{entry.name} {name}", action) for name, (_, action) in command.actions.items())
        else:
            yield entry.name, command


def parse(options: Any, *arguments: str) -> Any:
    return read(options, make_parser().parse_args(arguments))


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_no_two_arguments_of_a_command_share_a_name(name: str) -> None:
    arguments = ["root", "verbose", *names(ALL[name].options)]
    assert len(set(arguments)) == len(arguments)
    assert "json" in arguments


@pytest.mark.parametrize("name", ALL)
def test_the_value_is_frozen(name: str) -> None:
    options = object.__new__(ALL[name].options)
    for field in dataclasses.fields(options):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(options, field.name, None)


def test_shared_groups_and_own_options_are_one_value() -> None:
    options = parse(
        RunCommandOptions,
        *(
            "-C",
            "there",
            "run",
            "python",
            "--json",
            "--platform",
            "linux/arm64",
            "--only",
            "a",
            "--only",
            "b",
        ),
        *("--shard", "2/3", "--no-cache", "-j", "4", "--engine", "linux/arm64=tcp://host:1", "--to", "prod"),
    )
    assert (options.common.root, options.common.json, options.common.verbose) == (
        Path("there").absolute(),
        True,
        False,
    )
    selection = options.catalogue.selection
    assert selection.targets == ("python",) and selection.only == ("a", "b")
    assert selection.platforms == (Platform.parse("linux/arm64"),)
    assert selection.shard == Shard(2, 3) and selection.splits_tags
    assert options.run.fresh and options.run.jobs == 4 and not options.run.pull
    assert options.run.engines == (EngineAddress(Platform.parse("linux/arm64"), "tcp://host:1"),)
    assert (options.to, options.refs, options.snapshot_id, options.locked) == ("prod", None, None, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.to = "elsewhere"  # type: ignore[misc]


def test_what_is_not_given_is_everything() -> None:
    options = parse(RunCommandOptions, "run")
    assert options.catalogue.selection == type(options.catalogue.selection)()
    assert not options.catalogue.selection.splits_tags and not options.catalogue.selection.by_change
    assert options.run == type(options.run)() and not options.catalogue.selection.leaves_out


def test_an_image_by_name_is_whole_and_its_bases_may_not_be() -> None:
    selection = parse(RunCommandOptions, "run", "python").catalogue.selection
    assert selection.leaves_out and not selection.splits_tags


def test_files_of_a_repeated_option_are_one_tuple() -> None:
    options = parse(ManifestOptions, "manifest", "--from", "a", "b", "--from", "c")
    assert options.files == (Path("a"), Path("b"), Path("c"))
    assert parse(ManifestOptions, "manifest").files == ()


def test_references_are_parsed_once() -> None:
    digest = "sha256:" + "0" * 64
    options = parse(CopyOptions, "copy", f"ghcr.io/a/b:1@{digest}", "ghcr.io/c/d:2")
    assert options.source == Reference.parse(f"ghcr.io/a/b@{digest}")
    assert options.destination == Reference.parse("ghcr.io/c/d:2")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copy", "ghcr.io/a/b:1", "ghcr.io/c/d@sha256:" + "0" * 64], "has a digest"),
        (["copy", "NOT A NAME", "ghcr.io/c/d:2"], "NOT A NAME"),
        (["plan", "--platform", "pdp11"], "pdp11"),
        (["run", "--engine", "linux/arm64"], "has no address of an engine"),
        (["compare", "oci:here", "NOT A NAME"], "NOT A NAME"),
        (["promote", "--to", "prod", "--revision", "abc"], "abc"),
        (["import", ".", "--prefix", "no host!"], "no host!"),
        (["artifact", "push", "ghcr.io/a/b:1", "file"], "is not FILE:MEDIATYPE"),
        (["artifact", "push", "ghcr.io/a/b:1", "f:a/b", "--annotation", "x"], "is not NAME=VALUE"),
        (
            ["artifact", "push", "ghcr.io/a/b:1", "f:a/b", "--annotation", "x=1", "--annotation", "x=2"],
            "twice",
        ),
    ],
)
def test_a_wrong_value_is_a_usage_error_that_names_it(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["-C", str(tmp_path), *arguments, "--json"]) == 2
    out, err = capsys.readouterr()
    assert message in err and '"kind": "UsageError"' in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["run", "--shard", "0/3"],
        ["run", "--shard", "4/3"],
        ["run", "--shard", "١/٣"],
        ["run", "--shard", f"1/{'9' * 5000}"],
        ["run", "--jobs", "0"],
        ["plan", "--affected", "a", "--changed-files-from", "b"],
        ["plan", "--explain", "a", "--explain-path", "b"],
        ["promote"],
        ["artifact"],
        ["status", "--fresh"],
    ],
)
def test_what_a_command_does_not_understand_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    error, following = capsys.readouterr().err.splitlines()
    assert error.startswith("error: lockage") and following.startswith("next: lockage")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promte"], "'promte' is not known; did you mean promote?"),
        (["xyzzyx"], "'xyzzyx' is not known; one of run, build, "),
        (["promote", "--to", "prod", "--data", "todey"], "did you mean today?"),
        (["promote"], "required: --to"),
        (["verify", "--rules"], "expected one argument"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err.splitlines()[0]


def test_engines_for_platforms() -> None:
    assert parse_engines(["", " "]) == ()
    with pytest.raises(UsageError, match="two engines for linux/arm64"):
        parse_engines(["linux/arm64=tcp://a:1", "linux/arm64=tcp://b:1"])


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    lines = capsys.readouterr().out.splitlines()
    bare = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("  -") and "  " not in line.strip() and not following.startswith(" " * 20)
    ]
    assert not bare


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("promote", "--to=prod", "--plan-file=p.json"), "p.json"),
        (("apply", "p.json"), "p.json"),
        (("approve", "p.json"), "p.json"),
        (("push", "--refs=r.json"), "r.json"),
        (("run", "--reports=all"), "all"),
        (("lint", "--code-quality=c.json"), "c.json"),
        (("verify", "--file=a.tar"), "a.tar"),
        (("verify", "localhost/a:1", "--key=k.pub"), "k.pub"),
        (("manifest", "--from", "r.json"), "r.json"),
        (("notes", "v1.0.0", "--output=written"), "written"),
        (("notes", "v1.0.0"), "release"),
    ],
)
def test_paths_are_below_the_folder_of_c(arguments: tuple[str, ...], expected: str) -> None:
    """As of `git -C`, whichever option they are of; `..` and absolute paths are what they are there too."""
    options = ALL[arguments[0]].options
    assert expected in {str(path) for path in paths(parse(options, *arguments))}
    moved = {str(path) for path in paths(parse(options, "-C", "there", *arguments))}
    assert str(Path("there", expected).absolute()) in moved and expected not in moved
    away = parse(options, "-C", "there", *(a.replace(expected, f"/{expected}") for a in arguments))
    assert expected == "release" or f"/{expected}" in {str(path) for path in paths(away)}


def paths(options: object) -> Iterator[Path]:
    """The paths that were parsed, of shared groups too."""
    for each in dataclasses.fields(options):  # type: ignore[arg-type]
        value = getattr(options, each.name)
        if dataclasses.is_dataclass(value):
            yield from paths(value)
        elif each.name != "root":
            yield from (
                one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Path)
            )


def test_files_below_a_relative_folder_of_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative `-C` is joined once: for files that are copied, and for keys and locks beside lockage.yml."""
    plain = tmp_path / "plain/app"
    plain.mkdir(parents=True)
    (plain / "Dockerfile").write_text("FROM debian:12\nCOPY run.sh /\n")
    (plain / "run.sh").write_text("exit\n")
    monkeypatch.chdir(tmp_path)
    assert main(["import", "plain", "--output", "made"]) == 0
    assert (tmp_path / "made/images/app/rootfs/run.sh").read_text() == "exit\n"
    assert main(["import", "plain", "--output", "made"]) == 0  # the same files are read, not refused
    assert main(["-C", "made", "generate"]) == 0
    assert (tmp_path / "made/dist/app/latest/rootfs/run.sh").read_text() == "exit\n"
    assert main(["-C", "made", "ci", "generate", "github"]) == 0
    assert not (tmp_path / "made/made").exists()


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert (end.value.code, capsys.readouterr().out) == (0, f"lockage {version('lockage')}\n")
