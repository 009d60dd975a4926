"""Interactive shells on a terminal of their own: what the command line shows after keys were pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TAB = "\t"
_DUMP, _CLEAR = "\x18p", "\x05\x15"  # C-x p, which the set-up binds; C-e C-u
_PATIENCE = 120.0

_SET_UP = {
    "bash": """
        bind 'set bell-style none'; bind 'set page-completions off'; bind 'set completion-query-items -1'
        dump() { printf '%s\\036' "$READLINE_LINE" >>"$DUMP"; }
        bind -x '"\\C-xp": dump'
        """,
    "zsh": """
        autoload -Uz compinit; compinit -D; LISTMAX=1000; unsetopt beep; bindkey -e
        dump() { print -rn -- "$BUFFER"$'\\036' >>"$DUMP"; }
        zle -N dump; bindkey '^Xp' dump; bindkey '^U' kill-whole-line
        """,
    "fish": """
        function fish_greeting; end
        bind \\cxp 'printf "%s\\036" (commandline) >>"$DUMP"'
        """,
}
COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "-i", "--no-config"),
}


class Shell:
    """A shell that waits for keys; `screen` is what it has shown since the last keys."""

    def __init__(self, name: str, terminal: int, dump: Path) -> None:
        self.name = name
        self._terminal, self._dump = terminal, dump
        self._seen = 0
        self.screen = ""

    def run(self, command: str) -> None:
        """Run a command and wait for its end."""
        self._send(f"{command}\r")
        self.line("")

    def line(self, keys: str) -> str:
        """The command line after some keys; it is empty again afterwards."""
        self.screen = ""
        self._send(keys + _DUMP)
        line = self._dumped()
        self._send(_CLEAR)
        return line

    def _send(self, keys: str) -> None:
        data = keys.encode()
        while data:
            self._show(0)
            data = data[os.write(self._terminal, data) :]

    def _show(self, seconds: float) -> None:
        while select.select([self._terminal], [], [], seconds)[0]:
            self.screen += os.read(self._terminal, 65536).decode(errors="replace")
            seconds = 0

    def _dumped(self) -> str:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            self._show(0.02)
            written = self._dump.read_text() if self._dump.exists() else ""
            if written.count("\036") > self._seen:
                self._seen += 1
                return written.split("\036")[self._seen - 1]
        raise AssertionError(f"the shell has not answered; it shows:\n{self.screen}")


@contextmanager
def shell(
    name: str, set_up: Sequence[str], *, cwd: Path, env: Mapping[str, str], dump: Path
) -> Iterator[Shell]:
    """A shell that has run these lines after its own set-up. `dump` is a file of its own."""
    process, terminal = pty.fork()
    if process == 0:
        try:
            os.chdir(cwd)
            os.execvpe(COMMANDS[name][0], COMMANDS[name], {**env, "DUMP": str(dump), "TERM": "xterm"})
        finally:
            os._exit(127)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 100, 200, 0, 0))
        file = dump.with_name(f"{dump.name}.{name}")
        file.write_text("\n".join([_SET_UP[name], *set_up]))
        begun = Shell(name, terminal, dump)
        begun.run(f". {file}" if name != "fish" else f"source {file}")
        yield begun
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
