"""The platforms whose programs an engine runs: its own, and those for which its kernel has an interpreter."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model import Platform
from pipeline.util.files import replace_file

from .faults import explained

if TYPE_CHECKING:
    import dagger

# Architecture -> ELF machine, word size, byte order, flags, and exit(0) in its own code (System V ABI supplements).
_PROGRAMS = {
    "amd64": (62, 64, "<", 0, "b83c000000 31ff 0f05"),
    "arm64": (183, 64, "<", 0, "a80b80d2 000080d2 010000d4"),
    "arm": (40, 32, "<", 0x05000400, "0170a0e3 0000a0e3 000000ef"),
    "ppc64le": (21, 64, "<", 2, "01000038 00006038 02000044"),
    "s390x": (22, 64, ">", 0, "a7290000 0a01"),
}
_ADDRESS = 0x10000
PROBE = "probe"  # the program's name in its folder
_REFUSED = "exec format error"


async def default_platform(client: dagger.Client) -> Platform:
    """The platform of the engine's machine. Raises EnvironmentProblem."""
    with explained("reading the engine's platform"):
        return Platform.parse(str(await client.default_platform()))


async def runs(client: dagger.Client, folder: dagger.Directory, platform: Platform) -> bool:
    """Whether the engine runs programs for a platform: one that only exits is tried, again in each call.

    `folder` holds `program(platform)` as `PROBE`. Raises EnvironmentProblem when the engine does not answer.
    """
    import dagger

    probe = (
        client.container(platform=dagger.Platform(str(platform)))
        .with_file("/probe", folder.file(PROBE), permissions=0o755)
        .with_env_variable("LOCKAGE_PROBE", uuid.uuid4().hex)  # or the engine recalls an earlier result
        .with_exec(["/probe"])
    )
    with explained(f"trying a program for {platform}"):
        try:
            await probe.sync()
        except dagger.ExecError:
            return False
        except dagger.QueryError as fault:
            if _REFUSED in str(fault):
                return False
            raise
    return True


def write_program(folder: Path, platform: Platform) -> None:
    """Write the program for a platform as `PROBE` to a folder, creating it."""
    replace_file(folder / PROBE, program(platform))


def program(platform: Platform) -> bytes:
    """A static ELF program for a platform that exits with 0; some hundred bytes."""
    machine, bits, order, flags, code = _PROGRAMS[platform.architecture]
    text = bytes.fromhex(code)
    header, entry = (64, 56) if bits == 64 else (52, 32)
    word = "Q" if bits == 64 else "I"
    start, size = header + entry, header + entry + len(text)
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    elf = ident + struct.pack(
        f"{order}HHI3{word}I6H",
        *(2, machine, 1, _ADDRESS + start, header, 0, flags, header, entry, 1, 0, 0, 0),
    )
    if bits == 64:
        segment = struct.pack(f"{order}II6Q", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x10000)
    else:
        segment = struct.pack(f"{order}8I", 1, 0, _ADDRESS, _ADDRESS, size, size, 5, 0x10000)
    return elf + segment + text
