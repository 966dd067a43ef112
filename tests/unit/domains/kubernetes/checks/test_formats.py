import ipaddress
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kubestill.domains.cron.schedule import NotASchedule, parse
from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.workloads import cron_fault
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.schema import QUANTITY_PATTERN


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (formats.dns_label, ["a", "0", "a-b", "x" * 63], ["", "A", "a.b", "-a", "a-", "a_b", "x" * 64]),
        (formats.dns_subdomain, ["a.b-c.d", "1.2"], ["", "a..b", ".a", "A.b", "a_b", "x" * 254]),
        (formats.wildcard_subdomain, ["*.a.b", "a.b"], ["*", "a.*.b", "*a.b", "https://a"]),
        (formats.qualified_name, ["a", "A_1.b", "a.io/B", "x" * 63], ["", "a/b/c", "/a", "a/", "-a", "a b", "UP.io/a", "x" * 64]),
        (formats.label_value, ["", "a", "A_b.c-1", "x" * 63], ["-", "a b", "a/b", "a-", "x" * 64]),
        (formats.port_name, ["a", "http", "a-b1", "x" * 15], ["", "80", "A", "a--b", "-a", "a-", "a_b", "x" * 16]),
        (formats.config_key, ["a", ".a", "A.b-c_d", "a..b"], ["", ".", "..", "..a", "a b", "a/b", "é", "x" * 254]),
        (formats.env_name, ["A", "a b", "1", "a.b-c"], ["", "A=B", "é", "a\tb"]),
        (formats.path_segment, ["a", "system:Node x"], [".", "..", "a/b", "50%"]),
        (formats.dns_1035, ["a", "a-1", "x" * 63], ["", "1a", "A", "a-", "x" * 64]),
        (formats.http_header, ["X-A", "host"], ["", "a b", "a:b", "é"]),
        (formats.search_domain, [".", "a.local", "_tcp.a", "a.local."], ["", "A", "a..b", "a b"]),
        (formats.driver_name, ["csi.example.com", "EBS.csi"], ["", "a_b", "a" * 64]),
        (formats.domain_path, ["k8s.io/a", "a/b/c"], ["", "a", "/a", "a/", "A_b/c"]),
        (formats.signer_name, ["example.com/a", "kubernetes.io/kubelet-serving"], ["", "a/b", "example.com", "example.com/a/b"]),
        (formats.cel_name, ["a", "_a1"], ["", "1a", "a-b", "in"]),
        (formats.sysctl, ["net.core.somaxconn", "kernel/shm"], ["", "a b", "net..core", "Net.a"]),
        (formats.group_name, ["example.com"], ["", "example", "Example.com"]),
        (
            formats.endpoint_address,
            ["10.0.0.1", "fd00::1"],
            ["", "a", "0.0.0.0", "127.0.0.1", "169.254.1.1", "::1", "fe80::1", "224.0.0.1"],
        ),
        (formats.file_path, ["a", "a/b", ".a"], ["/a", "../a", "a/../b", "..a"]),
        (formats.count_or_percent, [0, 5, "0%", "100%", "250%"], [-1, "", "5", "x%", "-5%", "1.5%"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_formats(check, good, bad):
    assert [value for value in good if check(value)] == []
    assert [value for value in bad if not check(value)] == []


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.eE+-kKmMGiTnu", max_size=8))
def test_the_pattern_of_the_schema_and_the_parser_of_quantities_agree(text):
    assume(not re.search(r"[eE][+-]?0*[1-9]\d{3}", text))  # 10**1000 is no amount: refused, so that no power takes for ever
    assert bool(re.search(QUANTITY_PATTERN.replace("$", r"\Z"), text)) == (parse_quantity(text) is not None)


FIELD = st.sampled_from(
    ["*", "?", "0", "5", "12", "31", "59", "60", "7", "*/5", "*/0", "1-5", "5-1", "1,2", "1,", "JAN", "mon", "FRI-SUN", "1-5/2", "x", "24"]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(FIELD, min_size=4, max_size=6))
def test_schedules_are_judged_as_the_cron_domain_judges_them(fields):
    text = " ".join(fields)
    try:
        parse(text)
    except NotASchedule:
        assert cron_fault(text)
    else:
        assert not cron_fault(text)


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses())
def test_addresses_for_traffic_are_what_the_standard_library_calls_ordinary(address):
    special = address.is_loopback or address.is_unspecified or address.is_link_local
    near = address.is_multicast and (address in ipaddress.ip_network("224.0.0.0/24" if address.version == 4 else "ff02::/16"))
    assert bool(formats.endpoint_address(str(address))) == (special or near)


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses(), st.integers(-1, 140))
def test_cidrs_are_those_of_the_standard_library(address, bits):
    text = f"{address}/{bits}"
    try:
        ipaddress.ip_network(text)  # strict: no bits beyond the prefix
    except ValueError:
        assert formats.cidr(text)
    else:
        assert not formats.cidr(text)
    assert formats.cidr(str(address)) and formats.cidr(f"{address}/255.0.0.0")


def test_amounts_read_from_yaml_compare_as_numbers():
    values = read("a: [1, 1000m, 0.001k, 1.0, '1']\n").manifests[0].object["a"]
    assert {formats.amount(value) for value in values} == {1}
    assert formats.amount(True) is None and formats.amount("1x") is None and formats.amount(None) is None
