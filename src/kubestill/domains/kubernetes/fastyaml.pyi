from collections.abc import Callable
from typing import Any

def document(text: str, number: Callable[[str], Any]) -> tuple[dict[str, Any], int] | None: ...
