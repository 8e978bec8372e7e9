"""Why a customer is in their segment, and what would move them to the next one."""

from segcore.explain.customer import explain
from segcore.explain.explanation import Explanation
from segcore.explain.segment_model import SegmentModel, limits_of
from segcore.explain.whatif import Change

__all__ = ["Change", "Explanation", "SegmentModel", "explain", "limits_of"]
