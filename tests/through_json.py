"""What a file of a run gives back of what was written."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def through_json(content: T) -> T:
    """Write something as JSON and read it again."""
    adapter: TypeAdapter[T] = TypeAdapter(type(content))
    text = json.dumps(adapter.dump_python(content, mode="json", by_alias=True), allow_nan=False)
    return adapter.validate_python(json.loads(text))
