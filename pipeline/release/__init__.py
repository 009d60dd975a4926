"""From digests to tags: push, fan-in, promotion."""

from .fanin import make_index
from .promote import Promotion, TagMove, perform, plan_promotion
from .push import push

__all__ = ["Promotion", "TagMove", "make_index", "perform", "plan_promotion", "push"]
