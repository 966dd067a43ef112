"""docs/guide/serving.md: its commands are ones that there are, and its settings fit what they set."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kubestill.cli.main import answer, cli
from kubestill.cli.still import still
from kubestill.pipeline.deploying import manifests

GUIDE = (Path(__file__).resolve().parents[3] / "docs/guide/serving.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def calls(text: str) -> list[list[str]]:
    """Every call of ours in lines of shell, without what it is piped into."""
    parts = [part for line in text.splitlines() for part in re.split(r" \| | && ", line)]
    words = [shlex.split(part, comments=True) for part in parts if part.startswith(("kubestill ", "kubectl still "))]
    return words


def parsed(words: list[str]) -> click.Context:
    """What click makes of a call; an option or command that there is not is an error."""
    group, rest = (still, words[2:]) if words[0] == "kubectl" else (cli, words[1:])
    context = click.Context(group)
    name, command, arguments = group.resolve_command(context, rest)
    assert name is not None and command is not None
    return command.make_context(name, arguments, parent=context)


def test_every_command_of_the_guide_is_one_that_there_is() -> None:
    found = [words for text in blocks("bash") for words in calls(text)]
    assert len(found) >= 8 and all(parsed(words) for words in found)
    with pytest.raises(click.UsageError):
        parsed(["kubestill", "serve", "--hots", "a"])


def test_the_pods_call_serve_with_options_that_it_has() -> None:
    texts = manifests({"escalate.model": "http://a.b:8000/v1#m"})
    (pod,) = (one["spec"]["template"]["spec"] for one in yaml.safe_load_all(texts) if one["kind"] == "Deployment")
    given = parsed(["kubestill", *pod["containers"][0]["args"]]).params
    assert (given["host"], given["models"], given["rows"], given["queue"]) == ("0.0.0.0", ("kubernetes-base",), 8, 32)
    assert given["escalate"] == "http://a.b:8000/v1#m" and str(given["key_file"]) == "/etc/kubestill/keys/keys"


def test_clients_are_told_to_start_what_there_is() -> None:
    servers: list[dict[str, Any]] = []
    for text in blocks("json"):
        servers += [one for key in ("mcpServers", "servers") for one in json.loads(text).get(key, {}).values()]
    assert len(servers) == 2 and all(parsed([one["command"], *one["args"]]) for one in servers)


def test_vs_code_finds_the_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task,) = (one for text in blocks("json") for one in json.loads(text).get("tasks", ()))
    pattern = task["problemMatcher"]["pattern"]
    path = tmp_path / "a.yaml"
    path.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{prt: 80}]}\n")
    assert answer(shlex.split(task["command"].replace("${file}", str(path)))[1:]) == 1
    found = [match for line in capsys.readouterr().out.splitlines() if (match := re.match(pattern["regexp"], line))]
    assert {match[pattern["code"]] for match in found} == {"K8S022", "K8S024"}
    assert all(match[pattern["file"]] == str(path) and match[pattern["line"]] == "4" for match in found)


def test_the_autoscaler_asks_for_what_the_adapters_rule_serves() -> None:
    (rule,) = (one for text in blocks("yaml") for one in yaml.safe_load(text).get("rules", ()))
    texts = manifests({"monitoring.enabled": True})
    (scaler,) = (one["spec"] for one in yaml.safe_load_all(texts) if one["kind"] == "HorizontalPodAutoscaler")
    assert scaler["metrics"][0]["pods"]["metric"]["name"] == rule["name"]["as"]
    assert re.fullmatch(r"[a-z_]+", rule["name"]["as"]) and '"vllm:num_requests_waiting"' in rule["seriesQuery"]


def test_the_service_has_the_metric_that_the_rule_reads() -> None:
    pytest.importorskip("prometheus_client", reason="pip install 'kubestill[serve]'")
    from kubestill.serving.http.meters import Meters

    assert b"vllm:num_requests_waiting" in Meters(None).text()[0]
