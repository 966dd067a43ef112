"""Each way not to reach a cluster has its sentence; each way to reach one is tried, TLS and a pod's own account included."""

import shutil
import subprocess

import pytest

from kubestill.domains.kubernetes.cluster import connect, dry_run
from kubestill.domains.kubernetes.cluster.connection import CannotAsk, release_numbers
from kubestill.domains.kubernetes.manifests import read
from kubestill.ground.errors import Unavailable, UserError
from kubestill.tools.checks.api import Outcome

from .server import VERSION, raw, serving, status

POD = read("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n").manifests[0]
NOWHERE = "http://127.0.0.1:9"  # the discard service, which nobody runs


def refused(where, context="", **more):
    with pytest.raises(UserError) as caught:
        connect(where, context, **more)
    return str(caught.value)


def test_what_a_connection_knows(connection):
    assert (connection.context, connection.namespace, connection.release, connection.version) == ("toy", "web", "v1.36.2", "1.36")
    assert connection.name.startswith("127.0.0.1-") and connection.name == connection.name.lower()


def test_without_a_kubeconfig(tmp_path):
    assert (
        refused(tmp_path / "none")
        == f"kubeconfig: there is no file {tmp_path / 'none'}; give one with --kubeconfig, or leave the cluster out"
    )
    assert "there is no file /nowhere/config" in refused(None)
    assert "there is no file /nowhere/config" in refused(None, "toy")


def test_an_unknown_context_is_told_with_the_nearest(kubeconfig):
    path = kubeconfig(NOWHERE)
    assert refused(path, "prodution") == f"{path}: has no context 'prodution'; did you mean 'production'?"
    assert refused(path, "x") == f"{path}: has no context 'x'; its contexts: toy, production"
    path.write_text(path.read_text().replace("current-context: toy", "current-context: ''"))
    assert "names no current context; give one with --context; its contexts: toy, production" in refused(path)


def test_a_named_context_does_without_a_current_one(kubeconfig, server):
    with serving(server) as address:
        path = kubeconfig(address)
        path.write_text(path.read_text().replace("current-context: toy\n", ""))
        assert connect(path, "production").context == "production"


@pytest.mark.parametrize(
    "text", ["", "[", "7", "[]", "\x00", "contexts: 7", "contexts: [{name: a}]\ncurrent-context: a", "a: b", "clusters: [x]"]
)
def test_a_file_that_is_no_kubeconfig(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    assert refused(path).startswith(f"{path}: ")


def test_a_context_without_its_cluster(kubeconfig):
    path = kubeconfig(NOWHERE)
    path.write_text(path.read_text().replace("name: here", "name: there"))
    assert "is no kubeconfig that can be used" in refused(path)


def test_nobody_listens(kubeconfig):
    told = refused(kubeconfig(NOWHERE))
    assert told.startswith(f"{NOWHERE} (context toy): cannot be reached: ") and "refused" in told and " object at " not in told


def test_nobody_has_the_name(kubeconfig):
    assert "cannot be reached" in refused(kubeconfig("https://cluster.invalid:6443"))


def test_a_server_that_is_silent(kubeconfig):
    with raw(None) as address:
        assert f"{address} (context toy): did not answer within 0.2 s" in refused(kubeconfig(address), timeout_seconds=0.2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_server_that_breaks_off(kubeconfig, content):
    with raw(content) as address:
        assert "broke off" in refused(kubeconfig(address))


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [
        (200, b"<html>It works!</html>", "answers, but not as an API server (200: <html>It works!</html>)"),
        (200, b"{", "answers, but not as an API server"),
        (200, {"gitVersion": 7}, "answers, but not as an API server"),
        (500, status(500, "etcd is down"), "answers, but not as an API server (500: etcd is down)"),
        (302, b"", "answers, but not as an API server (302"),
        (401, status(401, "Unauthorized"), "does not take the credentials (Unauthorized); log in again"),
        (403, status(403, 'forbidden: User "system:anonymous" cannot get path "/version"'), "ask for the right to get /version"),
        (200, {**VERSION, "gitVersion": "v1.24.17-eks-1"}, "is Kubernetes v1.24.17-eks-1; a strict dry run needs 1.25 or later"),
    ],
)
def test_a_server_that_is_no_use(kubeconfig, server, code, body, says):
    server.routes["/version"] = code, body, []
    with serving(server) as address:
        assert says in refused(kubeconfig(address))


def test_credentials_are_sent_and_a_wrong_one_is_told(kubeconfig, server):
    server.token = "right"
    with serving(server) as address:
        assert connect(kubeconfig(address, {"token": "right"})).version == "1.36"
        assert "does not take the credentials" in refused(kubeconfig(address, {"token": "wrong"}))


def test_a_far_away_retry_is_not_waited_for(kubeconfig):
    with raw(b"HTTP/1.1 503 x\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n") as address:
        assert "(503: HTTP status 503)" in refused(kubeconfig(address))


def test_too_long_an_answer_is_not_read(connection, server, monkeypatch):
    monkeypatch.setattr("kubestill.domains.kubernetes.cluster.connection.MAX_ANSWER_BYTES", 2**20)
    server.routes["/big"] = 200, b'"' + b"x" * 2**20 + b'"', []
    with pytest.raises(CannotAsk, match="larger than 1 MiB"):
        connection.ask("GET", "/big")
    assert connection.ask("GET", "/version").status == 200


def test_a_cluster_that_goes_away_is_asked_three_times_and_then_no_more(kubeconfig, server):
    with serving(server) as address:
        connection = connect(kubeconfig(address))
    reasons = [dry_run(connection, POD).reason for _ in range(5)]
    assert all("cannot be reached" in reason or "broke off" in reason for reason in reasons)
    assert ["not asked again" in reason for reason in reasons] == [False, False, False, True, True]


@pytest.mark.parametrize(("code", "body"), [(200, b"<html>"), (503, status(503, "down")), (403, status(403, 'User "x" cannot get path'))])
def test_discovery_that_fails_is_a_skip(connection, server, code, body):
    server.routes["/api/v1"] = code, body, []
    result = dry_run(connection, POD)
    assert result.outcome is Outcome.SKIP and str(code) in result.reason
    del server.routes["/api/v1"]
    assert dry_run(connection, POD).outcome is Outcome.PASS, "a failure is not remembered"


def test_the_missing_package_is_told_with_its_command(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"kubernetes is not installed; run: pip install 'kubestill\[cluster\]'"):
        connect(tmp_path / "none", "")


@pytest.mark.parametrize(
    ("release", "numbers"),
    [("v1.36.2", (1, 36)), ("v1.29.4-gke.1043002", (1, 29)), ("v1.31.0+k3s1", (1, 31)), ("1.36", (1, 36)), ("dev", ()), ("v1", ())],
)
def test_releases_are_read_as_distributions_write_them(release, numbers):
    assert release_numbers(release) == numbers


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "ca.crt", folder / "key.pem"
    make = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout {key} -out {made} -subj /CN=test"
    subprocess.run([*make.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return made, key


def test_tls_is_checked_unless_the_kubeconfig_turns_it_off(kubeconfig, server, certificate):
    with serving(server, certificate) as address:
        assert "no trusted connection" in refused(kubeconfig(address))
        trusted = connect(kubeconfig(address, cluster={"certificate-authority": str(certificate[0])}))
        unchecked = connect(kubeconfig(address, cluster={"insecure-skip-tls-verify": True}))
        assert trusted.version == unchecked.version == "1.36"
        assert trusted.name != unchecked.name, "another authority is another cluster"
    with serving(server) as address:
        assert "no trusted connection" in refused(kubeconfig(address.replace("http:", "https:")))


def test_in_a_pod_its_service_account_is_used(monkeypatch, tmp_path, server, certificate):
    from kubernetes.config import incluster_config

    for name, text in (("token", "of the pod"), ("namespace", "mine\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate[0]))
    server.routes["/version"] = 200, VERSION, []
    with serving(server, certificate) as address:
        host, _, port = address.removeprefix("https://").partition(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        connection = connect(None, "")
    assert (connection.context, connection.namespace) == ("in-cluster", "mine")
    assert server.requests[0][3]["Authorization"] == "bearer of the pod"
