"""Running git to read a repository: nothing that the repository configures is run, and its index is not written.

A checkout is not trusted. Git would start programs that its configuration names (file system monitors, filters, hooks,
transports, signature checks), and takes a folder with the layout of a bare repository for one wherever it lies.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import EnvironmentProblem
from pipeline.util.child_environment import (
    DEFAULT_PATH,
    ChildEnvironment,
    child_environment,
    find_program,
)
from pipeline.util.dataclass import dataclass

from .errors import GitFailed, GitMissing, NoRepository, RepositoryRefused

_LIMIT = 120.0  # seconds
_MAX_OUTPUT = 128 * 1024 * 1024  # bytes
_MAX_ERRORS = 64 * 1024  # bytes
_SETTINGS = (
    *("safe.bareRepository=explicit", "core.fsmonitor=false", "core.hooksPath=/dev/null"),
    *("core.pager=cat", "core.untrackedCache=false", "log.showSignature=false"),
)
_VARIABLES = {
    "LC_ALL": "C",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # of a partial clone, missing objects are not fetched
    "GIT_PAGER": "cat",
}
_OWN_SETTINGS_ONLY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_READ_BY_US = r"^(filter\..*\.(clean|smudge|process|required)|safe\.directory|core\.excludesfile)$"


@dataclass(frozen=True, slots=True)
class Output:
    """What a finished git printed, and its exit code."""

    code: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The repository that a folder is in: how git is started to read it."""

    folder: Path
    top: Path
    command: tuple[str, ...]
    environment: ChildEnvironment

    @classmethod
    def of(cls, folder: Path, environ: Mapping[str, str]) -> GitRepository:
        """The repository whose work tree holds the folder. Raises NoRepository, GitMissing, RepositoryRefused."""
        path = environ.get("PATH", DEFAULT_PATH)
        top = _top_level(folder)
        program = find_program("git", path, outside=top)
        if program is None:
            inside = find_program("git", path) is not None
            raise GitMissing(f"the only git on PATH is in {top}" if inside else "there is no git on PATH")
        command = _with_settings((str(program), "--no-pager", "--no-optional-locks"), _SETTINGS)
        users = child_environment("git", environ, _VARIABLES)
        configuration = _configuration(command, folder, top, users)
        command = _with_settings(command, (*_settings(configuration), *_trusted_by_caller(environ)))
        own = child_environment("git", environ, _VARIABLES | _OWN_SETTINGS_ONLY)
        repository = cls(folder, top, command, own)
        top_level = repository.run("rev-parse", "--show-toplevel")
        if "dubious ownership" in top_level.stderr:  # git before 2.38 reads safe.directory from files alone
            repository = cls(folder, top, command, users)
            top_level = repository.run("rev-parse", "--show-toplevel")
        repository._check_top_level(top_level)
        return repository

    def run(self, *arguments: str) -> Output:
        """Run git to its end, whatever its exit code. Raises EnvironmentProblem: no git, too much output or time."""
        return _run((*self.command, *arguments), self.folder, self.environment)

    def output(self, *arguments: str) -> bytes:
        """What git prints. Raises EnvironmentProblem with git's own words where it fails."""
        output = self.run(*arguments)
        if output.code != 0:
            raise GitFailed(arguments[0], self.top, output.stderr)
        return output.stdout

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start git, with pipes to and from it; it is killed after the limit of time. Raises GitMissing."""
        process = _popen((*self.command, *arguments), self.folder, self.environment, subprocess.DEVNULL)
        with _killed_late(process), process:
            yield process

    def _check_top_level(self, shown: Output) -> None:
        if shown.code != 0:
            raise RepositoryRefused.by_git(self.folder, self.top, shown.stderr)
        if Path(os.fsdecode(shown.stdout.removesuffix(b"\n"))).resolve() != self.top:
            raise RepositoryRefused(
                f"the repository of {self.folder.absolute()} claims another work tree",
                hint="see core.worktree in `git help config`",
            )


def read_output(stream: IO[bytes] | None) -> bytes:
    """All that a process prints. Raises EnvironmentProblem where that is too much."""
    content = stream.read(_MAX_OUTPUT + 1) if stream else b""
    if len(content) > _MAX_OUTPUT:
        raise EnvironmentProblem(
            f"git printed more than {_MAX_OUTPUT >> 20} MiB", hint="--changed-files-from needs no git"
        )
    return content


def _top_level(folder: Path) -> Path:
    """The folder with `.git` that holds a folder, by the order in which git looks for it."""
    folder = folder.resolve()
    for parent in (folder, *folder.parents):
        if _is_bare(parent):
            raise RepositoryRefused(
                f"{parent} has the layout of a bare repository", hint="remove HEAD, objects/ and refs/ there"
            )
        if os.path.lexists(parent / ".git"):
            return parent
    raise NoRepository(
        f"{folder} is in no git repository", hint="--changed-files-from takes names from anywhere"
    )


def _is_bare(folder: Path) -> bool:
    """Whether a folder has the layout of a bare repository (gitrepository-layout(5))."""
    if not os.path.lexists(folder / "HEAD"):
        return False
    try:
        has_content = (folder / "objects").is_dir() and (folder / "refs").is_dir()
    except OSError:
        return True
    return has_content or os.path.lexists(folder / "commondir")


def _with_settings(command: tuple[str, ...], settings: Iterable[str]) -> tuple[str, ...]:
    return (*command, *(word for setting in settings for word in ("-c", setting)))


def _configuration(
    command: tuple[str, ...], folder: Path, top: Path, environment: ChildEnvironment
) -> list[tuple[str, str, str]]:
    """Scope, key and value of the configuration that is replaced or kept; reading it starts no program."""
    arguments = ("config", "--show-scope", "--includes", "-z", "--get-regexp", _READ_BY_US)
    listed = _run((*command, *arguments), folder, environment)
    if listed.code not in (0, 1):  # 1: there is no such key
        raise RepositoryRefused.by_git(folder, top, listed.stderr)
    fields = listed.stdout.split(b"\0")
    entries = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        key, _, value = entry.partition(b"\n")
        entries.append((os.fsdecode(scope), os.fsdecode(key), os.fsdecode(value)))
    return entries


def _settings(configuration: list[tuple[str, str, str]]) -> Iterator[str]:
    """Settings that switch off every filter, and keep what the user's own configuration trusts and ignores."""
    filters = set()
    excludes = ""
    for scope, key, value in configuration:
        users = scope in ("system", "global")
        if key.startswith("filter."):
            filters.add(key.rpartition(".")[0])
        elif key == "core.excludesfile":  # the last one counts, which may be the repository's own
            excludes = f"{key}={value}" if users else ""
        elif users:
            yield f"{key}={value}"
    if excludes:
        yield excludes
    for name in sorted(filters):
        if "=" in name:
            raise RepositoryRefused(
                f"the name of {name[:100]} in git's configuration has an equals sign",
                hint="give it another name",
            )
        yield from (f"{name}.clean=", f"{name}.smudge=", f"{name}.process=", f"{name}.required=false")


def _trusted_by_caller(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of safe.directory in git's variables for configuration (git-config(1), "Environment")."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    for number in range(min(int(count), 1000) if count.isascii() and count.isdecimal() else 0):
        if environ.get(f"GIT_CONFIG_KEY_{number}", "").lower() == "safe.directory":
            yield f"safe.directory={environ.get(f'GIT_CONFIG_VALUE_{number}', '')}"


def _run(command: tuple[str, ...], folder: Path, environment: ChildEnvironment) -> Output:
    process = _popen(command, folder, environment, subprocess.PIPE)
    errors: list[bytes] = []
    with _killed_late(process) as late, process:
        assert process.stdin and process.stderr
        process.stdin.close()
        reader = threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True)
        reader.start()
        try:
            content = read_output(process.stdout)
        except EnvironmentProblem:
            process.kill()
            reader.join()
            raise
        reader.join()
        code = process.wait()
    if late.is_set():
        raise EnvironmentProblem(
            f"git did not finish within {_LIMIT:.0f} s", hint="`git status` shows what takes so long"
        )
    return Output(code, content, b"".join(errors).decode(errors="replace"))


def _drain(stream: IO[bytes], kept: list[bytes]) -> None:
    kept.append(stream.read(_MAX_ERRORS))
    while stream.read(_MAX_ERRORS):
        pass


def _popen(
    command: tuple[str, ...], folder: Path, environment: ChildEnvironment, stderr: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    except OSError as error:
        raise GitMissing(error.strerror or str(error)) from None


@contextmanager
def _killed_late(process: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    """Kill a process that runs for too long; the event is set if that happened."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_LIMIT, kill)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
