"""What a log must not hold, in the shapes in which people and adversaries write it; and what it may hold."""

import base64
import json

import pytest

from kubestill.serving.redaction import MAX_CHARS, redact

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0hunter2x\nsecondline\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.hunter2-sig"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"

TEXTS = [
    # e-mail
    ("mail ops+k8s@mail.example.com when it fails", "ops+k8s"),
    ("E-Mail: Ops@EXAMPLE.COM.", "EXAMPLE"),
    # passwords in prose
    ("a pod with password hunter2", "hunter2"),
    ("the password for postgres is hunter2, please", "hunter2"),
    ("set the password to 'hunter2 and more'", "hunter2"),
    ("env DB_PASSWORD=hunter2 and DEBUG=1", "hunter2"),
    ("env DB_PASSWORD set to hunter2", "hunter2"),
    ("PASSWORD: hunter2", "hunter2"),
    ("pa\u200bss\u00adword: hunter2", "hunter2"),
    ("".join(chr(ord(one) + 0xFEE0) for one in "password:") + "hunter2", "hunter2"),  # full width
    ('Pa\u2060ssword\t=\t"hunter2"', "hunter2"),
    ('{"password": "hun\\"ter2 hunter3"}', "hunter3"),
    ('{\\"password\\": \\"hunter2\\"}', "hunter2"),
    ("password: |\n  first\n  hunter2\nnext: 1", "hunter2"),
    ("password:\n    hunter2\nnext: 1", "hunter2"),
    ("- password: >-\n    hunter2", "hunter2"),
    ("dbPassword: hunter2", "hunter2"),
    ("clientSecret=hunter2", "hunter2"),
    ("api-key: hunter2", "hunter2"),
    ("x-api-key: hunter2", "hunter2"),
    ("passphrase => hunter2", "hunter2"),
    # environment of a container, both orders, YAML and JSON
    ("env:\n- name: DB_PASSWORD\n  value: hunter2\n", "hunter2"),
    ("env:\n- value: hunter2\n  name: DB_PASSWORD\n", "hunter2"),
    ('{"name": "API_TOKEN", "value": "hunter2"}', "hunter2"),
    ('{"value":"hunter2","name":"API_TOKEN"}', "hunter2"),
    # private keys, whole, cut, on one line
    (PEM, "hunter2x"),
    (PEM.rpartition("\n-----END")[0], "secondline"),
    (PEM.replace("\n", "\\n"), "secondline"),
    (PEM.replace("\n", "\r\n"), "secondline"),
    (PEM.replace("RSA", "OPENSSH"), "secondline"),
    # tokens
    (f"Authorization: Bearer {JWT}", "hunter2"),
    (f"look at {JWT} please", "hunter2"),
    ("curl -H 'Authorization: Basic aHVudGVyMg=='", "aHVudGVyMg"),
    ("kubectl config set-credentials x --token=abcdef.0123456789abcdef", "0123456789abcdef"),
    ("join with abcdef.0123456789abcdef", "0123456789abcdef"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("use ghp_0123456789abcdefghijklmnopqrstuvwxyz", "0123456789abcdef"),
    ("glpat-abcdefghij0123456789", "abcdefghij0123"),
    ("xoxb-123456789-abcdef", "123456789"),
    ("sk-proj-abcdefghijklmnop1234", "abcdefghijklmnop"),
    ("https://admin:hunter2@registry.example.com/x", "hunter2"),
    ("postgres://u:p@ss:hunter2@db:5432/x", "hunter2"),
    ("https://hunter2token@github.com/x/y", "hunter2"),
    ("0123456789abcdef0123456789abcdef", "abcdef"),
    ("a key Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5MA== there", "YmFyQmF6"),
    # kubectl
    ("kubectl create secret generic db --from-literal=user=adminhunter --from-literal=p=hunter2", "hunter"),
    ("kubectl create secret generic db --from-literal 'p=hunter2'", "hunter2"),
    ("kubectl create secret docker-registry r --docker-username=u --docker-password hunter2", "hunter2"),
    ("a secret called db with user=adminhunter and p='hunter2 x'", "hunter"),
    # data of Secrets
    (SECRET + "data:\n  user: aHVudGVy\n  pin: aHVu\n", "aHVu"),
    (SECRET + "stringData:\n  user: hunter\n  file: |\n    line\n\n    hunter2\ntype: Opaque\n", "hunter"),
    (SECRET + "data: {user: aHVudGVy, b: {c: aHVu}}\n", "aHVu"),
    (SECRET + "data: {user: aHVudGVy", "aHVu"),
    (SECRET.replace("Secret", '"Secret"') + '"stringData":\n  user: hunter\n', "hunter"),
    ("kind: List\nitems:\n- kind: Secret\n  stringData:\n    user: hunter\n  metadata:\n    name: x\n", "hunter"),
    ("stringData:\n  user: hunter\nkind: Secret\n", "hunter"),
    (json.dumps({"kind": "Secret", "data": {"user": "aHVudGVy"}, "metadata": {"name": "x"}}), "aHVudGVy"),
    (json.dumps({"kind": "Secret", "stringData": {"user": "a } hunter"}}, indent=2), "hunter"),
    (json.dumps(json.dumps({"kind": "Secret", "stringData": {"user": "hunter"}})), "hunter"),
    (SECRET.upper() + "data:\n  user: aHVudGVy\n", "aHVu"),
    (SECRET + "data: # the data\n  user: aHVudGVy\n", "aHVu"),
    (SECRET + "data: &all\n  user: aHVudGVy\n", "aHVu"),
    (SECRET + "data: !!map\n  user: aHVudGVy\n", "aHVu"),
    (SECRET + "data :\n  user: aHVudGVy\n", "aHVu"),
    (SECRET + "? data\n: user: aHVudGVy\n", "aHVu"),
    (SECRET + "data:\n- user: aHVudGVy\n", "aHVu"),
    (SECRET + "data:\n\n# a comment\n  user: aHVudGVy\n", "aHVu"),
    ("kind:\n  Secret\nstringData:\n  user: hunter\n", "hunter"),
    ("kind: !!str Secret\nstringData:\n  user: hunter\n", "hunter"),
    ("kind: S\u0435cret\nstringData:\n  user: hunter\n", "hunter"),  # a Cyrillic letter
    ("users:\n- user:\n    client-key-data: hunter2\n    token: hunter3\n", "hunter"),
    (base64.b64encode(b"user=hunter2;password=x1Y").decode(), base64.b64encode(b"user=hunter2").decode()[:12]),
]


@pytest.mark.parametrize(("text", "gone"), TEXTS)
def test_what_is_secret_is_gone(text: str, gone: str) -> None:
    assert gone not in redact(text)


@pytest.mark.parametrize(("text", "gone"), TEXTS)
def test_and_it_is_gone_among_other_words(text: str, gone: str) -> None:
    assert gone not in redact(f"please look at this\n\n{text}\n\nand say what is wrong")


@pytest.mark.parametrize(
    "text",
    [
        "a deployment called web running nginx:1.27 with 3 replicas, port 8080",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n",
        "a secret volume from the secret db-creds mounted at /etc/db",
        "run ghcr.io/acme/report@sha256:" + "0123456789abcdef" * 4,
        "kubectl logs web-6d4cf56db6-abcde -n prod --since=1h",
        "mount the configmap settings; it must not run as root",
        "automountServiceAccountToken: false\nsecretName: db-creds\n",
        "a pod with a 512Mi limit; the hpa scales between 2 and 10 at 70%",
    ],
)
def test_what_may_stay_stays(text: str) -> None:
    assert redact(text) == text


def test_nothing_is_undone_by_doing_it_again() -> None:
    for text, _ in TEXTS:
        assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "password",
        "password=",
        "-",
        "kind: Secret\n",
        "data: {",
        "a@",
        "://",
        "-----BEGIN PRIVATE KEY-----",
        "'",
        '\\"',
        " is",
        "name: password\n",
        "key ",
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(part: str) -> None:
    redact((part * MAX_CHARS)[:MAX_CHARS])


def test_of_a_longer_text_only_the_length_is_told() -> None:
    assert redact("x" * (MAX_CHARS + 1)) == "[32,769 characters]"
