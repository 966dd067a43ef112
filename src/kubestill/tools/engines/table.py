"""The engines by name. A row is a lazy string: listing them imports nothing."""

from importlib import import_module
from typing import Any

from kubestill.ground.errors import Unavailable, UserError, near

ENGINES = {
    "fake": "kubestill.tools.engines.fake:FakeEngine",
    "llama_cpp": "kubestill.tools.engines.llama_cpp:LlamaCppEngine",
    "openai_http": "kubestill.tools.engines.openai_http:OpenAIHttpEngine",
    "replay": "kubestill.tools.engines.replay:ReplayEngine",
    "transformers": "kubestill.tools.engines.transformers:TransformersEngine",
}
NEEDS = {
    "llama_cpp": ("xllamacpp", "pip install --upgrade kubestill"),
    "openai_http": ("httpx", "pip install 'kubestill[http]'"),
    "transformers": ("torch", "pip install 'kubestill[train]'"),
}


def engine_type(name: str) -> Any:
    """Return the class of the engine called `name`.

    Raises:
        UserError: no such engine.
        Unavailable: its packages are not installed.
    """
    if name not in ENGINES:
        raise UserError("engine", f"no engine {name!r}", near(name, ENGINES) or f"choose one of {', '.join(ENGINES)}")
    module, attribute = ENGINES[name].split(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if name not in NEEDS or (error.name or "").startswith("kubestill"):
            raise
        raise Unavailable(f"the engine {name} needs {error.name}", NEEDS[name][1]) from None
