"""Releases: promotion between environments, and verification."""

from pipeline.oci.index import make_index
from pipeline.run.publish.promotion import Promotion, TagMove, perform, plan_promotion
from pipeline.run.publish.push import push

__all__ = ["Promotion", "TagMove", "make_index", "perform", "plan_promotion", "push"]
