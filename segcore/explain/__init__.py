"""Why a customer is in their segment, and what would move them to the next one."""

from segcore.explain.customer import explain, limits_of
from segcore.explain.explanation import Explanation
from segcore.explain.whatif import Change

__all__ = ["Change", "Explanation", "explain", "limits_of"]
