"""The fake service for MCP: it also knows one kind and one fault, keeps what it was wished, and chatters on stdout."""

from collections.abc import Mapping
from typing import Any

from kubestill.ground.errors import UserError
from kubestill.serving.answer import Answer
from kubestill.serving.api import Turn, Wish
from support.fake_service import FakeService


class ScriptedService(FakeService):
    """As FakeService."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[Wish] = []

    def answer(self, turn: Turn, model: str = "") -> Answer:
        print("a library that chatters on stdout", flush=True)
        return super().answer(turn, model)

    def check(self, text: str, wish: Wish) -> list[Mapping[str, Any]]:
        self.wishes.append(wish)
        if "unknown.example/v1" in text:
            return [{"severity": "skip", "line": 1, "message": "no schema of unknown.example/v1 Thing"}]
        if "targtPort" not in text:
            return []
        where = {"line": 28, "column": 5, "path": "spec.ports[0].targtPort", "tier": "schema"}
        return [{**where, "severity": "error", "code": "K8S022", "message": "unknown field 'targtPort'", "remedy": "Correct the spelling."}]

    def explain(self, name: str, version: str = "") -> Mapping[str, Any]:
        if version not in ("", "1.36"):
            raise UserError("version", f"no schemas of Kubernetes {version!r}", "use 1.36")
        if not name:
            return {"path": "", "version": "1.36", "type": "kinds", "values": ["1.36"], "fields": [{"name": "v1/ConfigMap"}]}
        if name != "ConfigMap":
            raise UserError(name, "no such kind", "did you mean 'ConfigMap'?")
        data = {"name": "data", "type": "map", "required": False, "description": "Data contains the configuration data."}
        return {"path": name, "version": "1.36", "api_version": "v1", "kind": "ConfigMap", "type": "object", "fields": [data]}
