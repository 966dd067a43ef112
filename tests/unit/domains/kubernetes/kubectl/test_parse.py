"""Flags and arguments as cobra and pflag read them."""

import pytest

from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.kubectl.values import parse_bool, parse_duration, parse_int, parse_value


def call(text: str) -> Call:
    [only] = parse(text).calls
    return only


FLAGS = [
    ("get pods -o yaml", {"output": "yaml"}),
    ("get pods -oyaml", {"output": "yaml"}),
    ("get pods -o=yaml", {"output": "yaml"}),
    ("get pods --output yaml", {"output": "yaml"}),
    ("get pods --output=yaml -o json", {"output": "json"}),
    ("-n x get pods", {"namespace": "x"}),
    ("get -n=x pods", {"namespace": "x"}),
    ("get pods -n=", {"namespace": "="}),  # pflag: a single "=" after a shorthand is its value
    ("get pods -Aw", {"all-namespaces": True, "watch": True}),
    ("get pods --watch=false", {"watch": False}),
    ("get pods --watch -- a", {"watch": True}),
    ("exec -it web -- ls -l", {"stdin": True, "tty": True}),
    ("exec -itc app web -- ls", {"stdin": True, "tty": True, "container": "app"}),
    ("apply -f a -f b,c", {"filename": ("a", "b", "c")}),
    ("create cm x --from-literal=a=b,c --from-literal d=e", {"from-literal": ("a=b,c", "d=e")}),
    ("create ns x --dry-run", {"dry-run": "unchanged"}),
    ("create ns x --dry-run=client", {"dry-run": "client"}),
    ("delete pod a --cascade", {"cascade": "background"}),
    ("scale deploy a --replicas 0x10", {"replicas": 16}),
    ("wait pod/a --for=delete --timeout=1m30s", {"for": ("delete",), "timeout": 90 * 10**9}),
    ("get pods -l -n", {"selector": "-n"}),  # a value may begin with a dash
    ("get pods --all_namespaces", {"all-namespaces": True}),
    ("get pods -v6 --v=7", {"v": 7}),
    ("logs -fp web", {"follow": True, "previous": True}),
    ("debug web --env=a=b,c=d", {"env": ("a=b", "c=d")}),
]


@pytest.mark.parametrize(("text", "flags"), FLAGS)
def test_flags_have_long_names_and_typed_values(text: str, flags: dict):
    assert call(f"kubectl {text}").flags == flags


@pytest.mark.parametrize(
    ("text", "path", "arguments", "trailing"),
    [
        ("get po", ("get",), ["po"], None),
        ("get po -- a", ("get",), ["po", "a"], None),
        ("create ns x --dry-run client", ("create", "namespace"), ["x", "client"], None),
        ("create deploy a --image=b -- c -d", ("create", "deployment"), ["a"], ["c", "-d"]),
        ("exec web -c app -- sh -c 'a | b'", ("exec",), ["web"], ["sh", "-c", "a | b"]),
        ("-n rollout rollout -n y undo deploy/a", ("rollout", "undo"), ["deploy/a"], None),
        ("--context c config use a", ("config", "use-context"), ["a"], None),
        ("apply -f - -n x", ("apply",), [], None),
        ("create svc clusterip a --tcp=80", ("create", "service", "clusterip"), ["a"], None),
    ],
)
def test_path_arguments_and_command(text: str, path: tuple, arguments: list, trailing: list | None):
    found = call(f"kubectl {text}")
    assert found.path == path
    assert [word.text for word in found.arguments] == arguments
    assert (None if found.trailing is None else [word.text for word in found.trailing]) == trailing


def test_environment_prompt_and_redirections_are_kept_apart():
    found = call("$ KUBECONFIG=a B=c kubectl get pods 2>/dev/null")
    assert found.environment == ("KUBECONFIG=a", "B=c")
    assert [(one.operator, one.target.text) for one in found.redirections] == [("2>", "/dev/null")]
    assert [word.text for word in found.arguments] == ["pods"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-5", -5),
        ("+7", 7),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("1_000", 1000),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_integers_are_those_of_go(text: str, number: int):
    assert parse_int(text) == number


@pytest.mark.parametrize("text", ["", "08", "1.5", "1e3", "_1", "1__0", "0x", " 1", "9223372036854775808", "\u0661"])
def test_what_go_takes_for_no_integer(text: str):
    assert parse_int(text) is None


def test_small_integers_have_their_range():
    assert parse_int("2147483647", 32) == 2**31 - 1
    assert parse_int("2147483648", 32) is None


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("5s", 5e9),
        ("1h30m", 5400e9),
        ("1.5h", 5400e9),
        (".5s", 5e8),
        ("1.s", 1e9),
        ("-1m", -60e9),
        ("3ms", 3e6),
        ("2µs", 2e3),
    ],
)
def test_durations_are_those_of_go(text: str, nanoseconds: float):
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "1d", "5 s", "1h 30m", ".s", "--1s", "1s1", "9999999h"])
def test_what_go_takes_for_no_duration(text: str):
    assert parse_duration(text) is None


def test_booleans_are_those_of_go():
    assert [parse_bool(text) for text in ("1", "t", "TRUE", "True", "0", "F", "false")] == [True, True, True, True, False, False, False]
    assert [parse_bool(text) for text in ("", "yes", "tRUE", "on", "2")] == [None] * 5
    assert parse_value("stringToString", "a=b,c") is None
