"""The text of an imported image's image.yml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from pipeline.util.dataclass import dataclass

from .scaffold import SCHEMAS

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True)
class ImageYml:
    """What an image.yml says. `args` are build arguments by the variant that adds them; "" is all of them."""

    dockerfile: str
    folders_up: int
    tag: str
    aliases: tuple[str, ...]
    variants: tuple[str, ...]
    args: Mapping[str, Mapping[str, str]]
    platforms: tuple[str, ...]
    rootfs_copy: bool

    def text(self) -> str:
        """The file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"# yaml-language-server: $schema={'../' * self.folders_up}{SCHEMAS}/image.schema.json"
        yield f"# from {self.dockerfile}"
        if shared := self.args.get("", {}):
            yield "args:"
            yield from (f"  {name}: {_quoted(value)}" for name, value in shared.items())
        yield "tags:"
        if self.aliases:
            quoted = ", ".join(f'"{alias}"' for alias in sorted(self.aliases))
            yield f'  - name: "{self.tag}"'
            yield f"    aliases: [{quoted}]"
        else:
            yield f'  - "{self.tag}"'
        if self.variants:
            yield "variants:"
        for variant in self.variants:
            if own := self.args.get(variant, {}):
                yield f'  - name: "{variant}"'
                yield f"    args: {{{', '.join(f'{name}: {_quoted(value)}' for name, value in own.items())}}}"
            else:
                yield f'  - "{variant}"'
        if self.platforms:
            yield f"platforms: [{', '.join(self.platforms)}]"
        if not self.rootfs_copy:
            yield "rootfs_copy: false"


def _quoted(text: str) -> str:
    """A text as YAML has it in double quotes."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
