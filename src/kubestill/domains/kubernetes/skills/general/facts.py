"""Facts that no schema tells, from facts.toml: defaults, removed versions, meanings of words, known inventions, replies."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def facts() -> Mapping[str, Any]:
    """Return the tables of facts.toml, read once per process."""
    return tomllib.loads(resources.files("kubestill.domains.kubernetes.skills.general").joinpath("facts.toml").read_text("utf-8"))
