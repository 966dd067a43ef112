"""Asks a real kubectl what it says of every command of recorded.json, against a stand-in API server on loopback.

    python tests/unit/domains/kubernetes/kubectl/recorder.py PATH_TO_KUBECTL OPENAPI.json.gz [FURTHER_COMMANDS.txt]

The server serves discovery made from the published OpenAPI document, and one made-up object for every name, so that kubectl gets
past its own checks; what it says then is about the cluster, not the command. No test runs this: they read what it wrote.
"""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECORDED = Path(__file__).with_name("recorded.json")
# Beyond its own checks: the stand-in's answers, and what is missing on the machine that records.
BEYOND = re.compile(
    r"REACHED|failed to download openapi|Metrics API not available|declare no controller|no kind \"|\" is invalid( //|$)|panic:"
    r"|executable file not|could not find the requested resource|no rollout history|\(NotFound\)|doesn't exist in local|timed out waiting"
    r"|context deadline|does not have a named port|HTTP channel|unable to find any kubectl plugins|taint \".*\" not found|^no$|the path \""
    r"|is not a known verb|have a resource type '|unable to find specified|unable to find container|is not valid for pod|is not paused"
    r"|Expected resource version|did not allocate one|context \S+ not found|no context exists|Kind' is missing|kubectl controls"
)
SHORT = "configmaps cm,namespaces ns,nodes no,pods po,services svc,deployments deploy,ingresses ing,statefulsets sts,daemonsets ds"
SHORT += (
    ",replicasets rs,replicationcontrollers rc,serviceaccounts sa,persistentvolumeclaims pvc,certificatesigningrequests csr,cronjobs cj"
)
ALL = ("pods", "services", "replicationcontrollers", "daemonsets", "deployments", "replicasets", "statefulsets", "cronjobs", "jobs")
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
PATH = re.compile(r"/(?:api/(v1)|apis/([^/]+)/([^/]+))/(namespaces/\{namespace\}/)?([a-z]+)(?:/\{name\}(?:/([a-z]+))?)?/?")
SECONDS = 6  # after which a call counts as waiting for the cluster, and so as taken
POD = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "name": "https"}]}]}
TEMPLATE = {"selector": {"matchLabels": {"app": "x"}}, "replicas": 1, "template": {"metadata": {"labels": {"app": "x"}}, "spec": POD}}
SPECS = {
    **dict.fromkeys(("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"), TEMPLATE),
    "Pod": {**POD, "nodeName": "n"},
    "ReplicationController": {**TEMPLATE, "selector": {"app": "x"}},
    "Service": {"selector": {"app": "x"}, "ports": [{"port": 8443, "name": "https", "targetPort": 80}]},
    "CronJob": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE["template"]}}},
}


def discovery(openapi: dict) -> dict[str, dict[str, dict]]:
    """Return group/version → resource → its entry of an APIResourceList."""
    short = dict(pair.split() for pair in SHORT.split(","))
    groups: dict[str, dict[str, dict]] = {}
    for path, operations in openapi["paths"].items():
        match = PATH.fullmatch(path)
        kinds = [one["x-kubernetes-group-version-kind"] for one in operations.values() if "x-kubernetes-group-version-kind" in one]
        if match is None or not kinds:
            continue
        name = match[5] + (f"/{match[6]}" if match[6] else "")
        group = groups.setdefault(f"{match[2]}/{match[3]}" if match[2] else "v1", {})
        entry = group.setdefault(name, {"name": name, "singularName": "", "namespaced": False, "kind": kinds[0]["kind"], "verbs": VERBS})
        entry["namespaced"] = entry["namespaced"] or bool(match[4])
        if match[6]:
            entry.update(group=kinds[0]["group"], version=kinds[0]["version"])
        else:
            entry["singularName"] = kinds[0]["kind"].lower()
            entry["shortNames"] = [short[name]] if name in short else []
            entry["categories"] = ["all"] if name in ALL else []
    return groups


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, groups: dict, *arguments) -> None:
        self.groups = groups
        super().__init__(*arguments)

    def log_message(self, *_) -> None:
        pass

    def reply(self, body: dict, code: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def fail(self, code: int, reason: str, message: str) -> None:
        self.reply({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}, code)

    def handle_any(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        if path == "/api":
            return self.reply({"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            return self.reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": list(self.group_list())})
        if path == "/version":
            return self.reply({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})
        match = re.fullmatch(r"/(?:api/(v1)|apis/([^/]+/[^/]+))(?:/(.*))?", path)
        group = self.groups.get(match[1] or match[2]) if match else None
        if match is None or group is None:
            return self.fail(404, "NotFound", f"no path {path}")
        if not match[3]:
            return self.reply({"kind": "APIResourceList", "groupVersion": match[1] or match[2], "resources": list(group.values())})
        return self.resource(group, match[1] or match[2], match[3].split("/"), query, sent)

    def group_list(self):
        names = dict.fromkeys(version.partition("/")[0] for version in self.groups if "/" in version)
        for name in names:
            versions = [one.partition("/")[2] for one in self.groups if one.startswith(f"{name}/")]
            versions.sort(key=lambda version: ("alpha" in version, "beta" in version, version))
            rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
            yield {"name": name, "versions": rows, "preferredVersion": rows[0]}

    def resource(self, group: dict, version: str, parts: list[str], query: str, sent: bytes) -> None:
        namespace = None
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] in group:
            namespace, parts = parts[1], parts[2:]
        entry = group.get(parts[0])
        if entry is None:
            return self.fail(404, "NotFound", "no such resource")
        sub = parts[2] if len(parts) > 2 else ""
        if sub in ("attach", "exec", "portforward"):
            return self.fail(400, "BadRequest", f"REACHED {sub}")
        if "watch=true" in query or "watch=1" in query:
            return self.fail(500, "InternalError", "REACHED watch")
        made = partial(self.made, entry, version, namespace or ("default" if entry["namespaced"] else ""))
        if self.command == "POST":
            body = json.loads(sent) if sent.startswith(b"{") else {}
            body.setdefault("metadata", {}).setdefault("name", "x")
            return self.reply(body, 201)
        if self.command == "DELETE":
            return self.reply({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"name": "x", "uid": "u"}})
        if sub == "scale":
            scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": parts[1], "namespace": namespace}}
            return self.reply({**scale, "spec": {"replicas": 2}, "status": {"replicas": 2}})
        if sub == "log":
            return self.reply({})
        if len(parts) > 1:
            return self.reply(made(parts[1]))
        return self.reply(
            {"kind": f"{entry['kind']}List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": [made("x")]}
        )

    def made(self, entry: dict, version: str, namespace: str, name: str) -> dict:
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
        metadata = {"name": name, "uid": "u", "resourceVersion": "1", "labels": {"app": "x"}, "annotations": annotations}
        status = {"phase": "Running"} if entry["kind"] == "Pod" else {}
        if namespace:
            metadata["namespace"] = namespace
        return {"apiVersion": version, "kind": entry["kind"], "metadata": metadata, "spec": SPECS.get(entry["kind"], {}), "status": status}

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 (http.server asks for these names)


def ask(kubectl: str, folder: Path, config: str, command: str) -> tuple[str, str]:
    """Return takes or refuses, and the first line that kubectl said."""
    (folder / "config").write_text(config)
    environment = {"HOME": str(folder), "KUBECONFIG": str(folder / "config"), "PATH": "/nowhere", "EDITOR": "/bin/true", "TERM": "dumb"}
    words = [kubectl, *shlex.split(command)[1:]]
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=folder, stdin=subprocess.DEVNULL, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "takes", "(waits)"
    lines = [line for line in (done.stderr.strip() or done.stdout.strip()).splitlines() if not re.match(r"See |Usage|[EIW]\d{4} ", line)]
    said = re.sub(r"(127\.0\.0\.1:|edit-)\d+", r"\1...", " // ".join(lines[:3]))[:300]
    taken = done.returncode == 0 or BEYOND.search(said) or BEYOND.search(done.stderr)
    return "takes" if taken else "refuses", said[:120]


def main(kubectl: str, openapi: str, further: str = "") -> None:
    groups = discovery(json.loads(gzip.decompress(Path(openapi).read_bytes())))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, groups))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = json.loads(RECORDED.read_text())["verdicts"] if RECORDED.exists() else []
    commands = dict.fromkeys([command for command, _, _ in known] + (Path(further).read_text().splitlines() if further else []))
    folder = Path(tempfile.mkdtemp(prefix="kubectl-recorder-"))
    cluster = {"name": "k", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
    users = [{"name": "u", "user": {}}]
    whole = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster], "contexts": [context], "users": users}
    (folder / "dir").mkdir()
    (folder / "dir" / "kustomization.yaml").write_text('{"resources": []}')
    (folder / "f.txt").write_text("a=b\n")
    (folder / "pod.json").write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": POD}))
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": TEMPLATE}
    (folder / "deploy.yaml").write_text(json.dumps(deployment))
    version = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True, env=dict(os.environ)).stdout.split("\n")[0]
    rows = [[command, *ask(kubectl, folder, json.dumps(whole), command)] for command in commands if command]
    lines = ",\n".join(json.dumps(row) for row in rows)
    RECORDED.write_text(f'{{"kubectl": {json.dumps(version)}, "verdicts": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
