"""An API server of the size of a test: discovery, schemas and Status objects in the formats of 1.36, answers recorded or told.

As the real one, it creates what is POSTed without dryRun: `stored` shows whether anybody did.
"""

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 422: "Invalid"}
VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.2", "goVersion": "go1.26.1", "compiler": "gc", "platform": "linux/amd64"}
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
# group version -> (plural, kind, namespaced, verbs); subresources as a server lists them
SERVED = {
    "v1": [
        ("bindings", "Binding", True, ["create"]),
        ("componentstatuses", "ComponentStatus", False, ["get", "list"]),
        ("configmaps", "ConfigMap", True, ALL_VERBS),
        ("namespaces", "Namespace", False, ALL_VERBS),
        ("persistentvolumes", "PersistentVolume", False, ALL_VERBS),
        ("pods", "Pod", True, ALL_VERBS),
        ("pods/eviction", "Eviction", True, ["create"]),
        ("secrets", "Secret", True, ALL_VERBS),
        ("services", "Service", True, ALL_VERBS),
    ],
    "apps/v1": [("deployments", "Deployment", True, ALL_VERBS), ("deployments/scale", "Scale", True, ["get", "patch", "update"])],
    "networking.k8s.io/v1": [("ingresses", "Ingress", True, ALL_VERBS)],
    "apiextensions.k8s.io/v1": [("customresourcedefinitions", "CustomResourceDefinition", False, ALL_VERBS)],
    "example.com/v1": [("widgets", "Widget", True, ALL_VERBS)],
    "old.example.org/v1": [("relics", "Relic", True, ALL_VERBS)],  # an aggregated server that knows no dryRun
}


def status(code, message, reason=None, **details):
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return {**told, "reason": REASONS.get(code, "") if reason is None else reason, "details": details, "code": code}


def served_parameters(*names):
    return [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in names]


class ApiServer:
    """`answers`: (method, name of the object) -> (status, JSON or bytes, warnings); `routes`: the same by path."""

    def __init__(self):
        self.answers, self.routes, self.requests, self.stored = {}, {}, [], []
        self.token, self.definitions, self.pages = "", [], 0
        self.namespaces = ["default", "kube-system"]
        self.schemas = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.2"}, "paths": {}, "definitions": {}}

    def reply(self, method, path, query, body, token):
        if self.token and token != f"Bearer {self.token}":
            return 401, status(401, "Unauthorized"), []
        if path in self.routes:
            return self.routes[path]
        if method == "GET":
            return self.read(path, query)
        return self.write(method, path, query, body)

    def read(self, path, query):
        groups = sorted({version.partition("/")[0] for version in SERVED if "/" in version})
        if path == "/apis/apiextensions.k8s.io/v1/customresourcedefinitions":
            self.pages += 1
            return 200, self.page("apiextensions.k8s.io/v1", "CustomResourceDefinition", self.definitions, query), []
        if path == "/api/v1/namespaces":
            spaces = [{"metadata": {"name": name}} for name in self.namespaces]
            return 200, self.page("v1", "Namespace", spaces, query), []
        known = {
            "/version": VERSION,
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [self.group(name) for name in groups]},
            "/openapi/v2": self.schemas,
            "/openapi/v3/apis/example.com/v1": self.promise("/apis/example.com/v1/namespaces/{namespace}/widgets", "dryRun", "pretty"),
            "/openapi/v3/apis/old.example.org/v1": self.promise("/apis/old.example.org/v1/namespaces/{namespace}/relics", "pretty"),
        }
        known |= {f"/{'apis' if '/' in version else 'api'}/{version}": self.listed(version) for version in SERVED}
        return (200, known[path], []) if path in known else (404, status(404, "the server could not find the requested resource"), [])

    def group(self, name):
        versions = [{"groupVersion": one, "version": one.rpartition("/")[2]} for one in SERVED if one.startswith(f"{name}/")]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def listed(self, version):
        rows = [
            {"name": name, "singularName": kind.lower(), "namespaced": inside, "kind": kind, "verbs": verbs, "storageVersionHash": "x="}
            for name, kind, inside, verbs in SERVED[version]
        ]
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": rows}

    def promise(self, path, *names):
        return {"openapi": "3.0.0", "info": {}, "paths": {path: {"get": {}, "post": {"parameters": served_parameters(*names)}}}}

    @staticmethod
    def page(version, kind, objects, query):
        """Chunks as etcd gives them; typed lists leave apiVersion and kind of their items out."""
        start, limit = int(query.get("continue", ["0"])[0]), int(query.get("limit", ["500"])[0])
        rows = [{key: part for key, part in one.items() if key not in ("apiVersion", "kind")} for one in objects]
        more = {"continue": str(start + limit)} if start + limit < len(rows) else {}
        head = {"kind": f"{kind}List", "apiVersion": version}
        return {**head, "metadata": {"resourceVersion": "7", **more}, "items": rows[start : start + limit]}

    def write(self, method, path, query, body):
        value = json.loads(body)
        name = value.get("metadata", {}).get("name", "")
        if query.get("dryRun") != ["All"]:
            self.stored.append(value)
        if method == "PATCH" and not path.endswith(f"/{name}"):
            return 404, status(404, "the server could not find the requested resource"), []
        if (method, name) in self.answers:
            return self.answers[method, name]
        return (201 if method == "POST" else 200), {**value, "metadata": {**value.get("metadata", {}), "uid": "0"}}, []


def handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = parse_qs(parts.query)
            server.requests.append((self.command, unquote(parts.path), query, self.headers, body))
            code, value, warnings = server.reply(self.command, unquote(parts.path), query, body, self.headers.get("Authorization", ""))
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(code)
            for warning in warnings:
                self.send_header("Warning", warning)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the library calls them so

        def log_message(self, *arguments):
            pass

    return Handler


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lines = []

    def get_request(self):
        line, address = super().get_request()
        self.lines.append(line)
        return line, address

    def hang_up(self):
        """Break the lines that are kept open: a server that goes away."""
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):  # a client that gives up is what some tests are about
        pass


@contextmanager
def serving(server, certificate=None):
    """Serve on a free port of the loopback; yield the address."""
    with Quiet(("127.0.0.1", 0), handler(server)) as http:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{http.server_address[1]}"
        finally:
            http.shutdown()
            http.hang_up()
            thread.join()


@contextmanager
def raw(content):
    """Accept connections, send `content` (None: nothing, and keep the line open) whatever is asked; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def answer():
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                held.append(line)
                if content is not None:
                    line.recv(65536)
                    line.sendall(content)
                    line.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for line in held:
                line.close()
            thread.join()
