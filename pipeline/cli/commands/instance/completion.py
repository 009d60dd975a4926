"""completion: the script that completes commands, options and names in a shell: `eval "$(lockage completion bash)"`."""

from __future__ import annotations

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...completion import SHELLS, script
from ...output import console


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionOptions:
    """What `completion` understands."""

    common: CommonOptions = group(CommonOptions)
    shell: str = positional(choices=SHELLS, help="which shell")


def completion(options: CompletionOptions) -> int:
    """Print the script, or as JSON."""
    text = script(options.shell)
    if options.common.json:
        console.print_json({"shell": options.shell, "script": text})
    else:
        console.print_text(text)
    return Exit.OK


COMMANDS = {"completion": Command(CompletionOptions, completion)}
