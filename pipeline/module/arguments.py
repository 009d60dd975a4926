"""Arguments that several functions have, as their callers see them."""

from __future__ import annotations

from typing import Annotated

from dagger import Doc

Targets = Annotated[list[str] | None, Doc("images (python), tags (python:3.11) or ids; default: all")]
Platforms = Annotated[list[str] | None, Doc("only these platforms, such as linux/amd64")]
Fresh = Annotated[bool, Doc("build although the key is known")]
AsJson = Annotated[bool, Doc("data instead of a table")]
To = Annotated[str, Doc("environment to promote to; default: those with promote: automatic in lockage.yml")]
DryRun = Annotated[bool, Doc("only plan: give what would be scanned and written")]
