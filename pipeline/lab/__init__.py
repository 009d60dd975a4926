"""Engine and registry for machines that have none: started on demand, and the host stays unchanged.

`up`, `down` and `status` manage one instance, shared by all checkouts of a user; `hold` keeps it up during a run.
`ensure` builds single tools. Names are imported on first use: `lockage plan` needs only the settings from here.

`status` is not re-exported: the name would be both a function and a module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .instance import Instance, down, up
    from .leases import hold
    from .settings import LabSettings
    from .tools.toolbox import ensure

if not TYPE_CHECKING:
    __getattr__ = names(
        __name__,
        {
            "instance": ("Instance", "down", "up"),
            "leases": ("hold",),
            "settings": ("LabSettings",),
            "tools.toolbox": ("ensure",),
        },
    )

__all__ = ["Instance", "LabSettings", "down", "ensure", "hold", "up"]
