"""Why a customer is in their segment, and what would move them to the next one."""

from segcore.explain.customer import Explanation, Model, explain, limits_of
from segcore.explain.whatif import Change

__all__ = ["Change", "Explanation", "Model", "explain", "limits_of"]
