"""A server and a kubeconfig that leads to it; the room is skipped where the official client is not installed."""

import pytest
import yaml

from kubestill.domains.kubernetes.cluster import connect

from .server import ApiServer, serving


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch):
    """Neither a proxy nor the cluster of whoever runs the tests."""
    kube_config = pytest.importorskip("kubernetes.config.kube_config", reason="needs the extra 'cluster'")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "/nowhere/config")


@pytest.fixture
def kubeconfig(tmp_path):
    """Return a function that writes a kubeconfig for an address."""

    def write(server, user=None, cluster=None, namespace=None):
        context = {"cluster": "here", "user": "me"} | ({"namespace": namespace} if namespace else {})
        value = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "toy",
            "clusters": [{"name": "here", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "me", "user": user or {}}],
            "contexts": [{"name": "toy", "context": context}, {"name": "production", "context": dict(context)}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(value))
        return path

    return write


@pytest.fixture
def server():
    return ApiServer()


@pytest.fixture
def connection(server, kubeconfig):
    with serving(server) as address:
        yield connect(kubeconfig(address, {"token": "abc"}, namespace="web"), timeout_seconds=5)
