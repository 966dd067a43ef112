"""The formats that Kubernetes writes down for names, labels and the like; each function returns what is wrong, or "".

Sources: apimachinery `pkg/util/validation` and `pkg/api/validation`, core `pkg/apis/core/validation`.
"""

import ipaddress
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from kubestill.domains.kubernetes.quantities import parse_quantity

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_PERCENT = re.compile(r"[0-9]+%")
_PORT_NAME = re.compile(r"[a-z0-9-]+")


@lru_cache(maxsize=8192)
def dns_label(text: str) -> str:
    """RFC 1123 label: at most 63 of a-z, 0-9 and "-", letter or digit at both ends."""
    if len(text) > 63:
        return "has more than 63 characters"
    return "" if _LABEL.fullmatch(text) else "is no DNS label (lower-case letters, digits and '-'; letter or digit at both ends)"


@lru_cache(maxsize=8192)
def dns_subdomain(text: str) -> str:
    """RFC 1123 subdomain: labels joined by dots, at most 253 characters."""
    if len(text) > 253:
        return "has more than 253 characters"
    return "" if _SUBDOMAIN.fullmatch(text) else "is no DNS name (lower-case letters, digits, '-' and '.'; letter or digit at both ends)"


def wildcard_subdomain(text: str) -> str:
    """A DNS subdomain whose first label may be `*`."""
    return dns_subdomain(text.removeprefix("*."))


@lru_cache(maxsize=8192)
def path_segment(text: str) -> str:
    """A name that can stand in a URL path: RBAC objects have these."""
    return "cannot stand in a path" if text in (".", "..") or "/" in text or "%" in text else ""


@lru_cache(maxsize=8192)
def qualified_name(text: str) -> str:
    """A label key: an optional DNS prefix and "/", then at most 63 letters, digits, "-", "_" and "."."""
    prefix, slash, name = text.rpartition("/")
    if slash and (fault := dns_subdomain(prefix) if prefix else "is empty"):
        return f"has a prefix that {fault}"
    if not name or len(name) > 63:
        return "has an empty name part" if not name else "has a name part of more than 63 characters"
    return "" if _QUALIFIED.fullmatch(name) else "may hold letters, digits, '-', '_' and '.', with a letter or digit at both ends"


@lru_cache(maxsize=8192)
def label_value(text: str) -> str:
    """A label value: empty, or at most 63 letters, digits, "-", "_" and "."."""
    if len(text) > 63:
        return "has more than 63 characters"
    ok = not text or _QUALIFIED.fullmatch(text)
    return "" if ok else "may hold letters, digits, '-', '_' and '.', with a letter or digit at both ends"


@lru_cache(maxsize=4096)
def port_name(text: str) -> str:
    """An IANA service name: at most 15 of a-z, 0-9 and "-", at least one letter, no "-" at the ends or doubled."""
    if not 1 <= len(text) <= 15:
        return "must have 1 to 15 characters"
    if not _PORT_NAME.fullmatch(text) or not re.search("[a-z]", text):
        return "may hold lower-case letters, digits and '-', and needs a letter"
    return "cannot start or end with '-' or double it" if text[0] == "-" or text[-1] == "-" or "--" in text else ""


def port_number(value: int) -> str:
    """A port: 1 to 65535."""
    return "" if 1 <= value <= 65535 else "is outside 1-65535"


def port_or_name(value: Any) -> str:
    """A port by number, or by the name of a container's port."""
    return port_name(value) if isinstance(value, str) else port_number(value)


@lru_cache(maxsize=4096)
def config_key(text: str) -> str:
    """A key of a ConfigMap or Secret: a file name of letters, digits, "-", "_" and "."."""
    if len(text) > 253:
        return "has more than 253 characters"
    if text in (".", "..") or text.startswith(".."):
        return "is no file name"
    return "" if _CONFIG_KEY.fullmatch(text) else "may hold letters, digits, '-', '_' and '.' only"


@lru_cache(maxsize=4096)
def env_name(text: str) -> str:
    """An environment variable's name: printable ASCII but "=" (the relaxed rule that is general since 1.34)."""
    if not text:
        return "is empty"
    return "" if all(" " <= letter <= "~" and letter != "=" for letter in text) else "may hold printable ASCII characters but '=' only"


def ip_address(text: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "is no IP address"
    return ""


def cidr(text: str) -> str:
    """A network such as 10.0.0.0/8, without bits beyond its prefix (StrictIPCIDRValidation, on since 1.36)."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "is no CIDR such as 10.0.0.0/8"
    if "/" not in text or not text.rpartition("/")[2].isdigit():
        return "is no CIDR such as 10.0.0.0/8"
    return "" if ipaddress.ip_address(text.partition("/")[0]) == network.network_address else f"has bits beyond its prefix; it is {network}"


def count_or_percent(value: Any) -> str:
    """A non-negative number, or a percentage such as 25%."""
    if isinstance(value, str):
        return "" if _PERCENT.fullmatch(value) else "is neither a number nor a percentage such as 25%"
    return "is negative" if value < 0 else ""


@lru_cache(maxsize=4096)
def _amount(text: str) -> Fraction | None:
    return parse_quantity(text)


def amount(value: Any) -> Fraction | None:
    """Return the number that a quantity stands for, or None."""
    return _amount(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_HTTP_HEADER = re.compile(r"[-A-Za-z0-9]+")
_SEARCH = re.compile(r"[a-z0-9_]([-_a-z0-9]*[a-z0-9])?(\.[a-z0-9_]([-_a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENTS = re.compile(r"[-A-Za-z0-9/._~%!$&'()*+,;=:]+")
_SIGNER = re.compile(r"[^/]+/[^/]+")
_CEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYSCTL = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*")
# cel-go: words that no variable can be called.
_CEL_WORDS = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var void while".split()
)


@lru_cache(maxsize=4096)
def dns_1035(text: str) -> str:
    """RFC 1035 label: a DNS label that starts with a letter."""
    if len(text) > 63:
        return "has more than 63 characters"
    return "" if _DNS_1035.fullmatch(text) else "is no label of lower-case letters, digits and '-' that starts with a letter"


def http_header(text: str) -> str:
    """The name of an HTTP header: letters, digits and "-"."""
    return "" if _HTTP_HEADER.fullmatch(text) else "is no header name (letters, digits and '-')"


def search_domain(text: str) -> str:
    """A DNS search domain: "." or a DNS name with underscores and a last dot (RelaxedDNSSearchValidation, general since 1.34)."""
    name = text.removesuffix(".")
    return "" if text == "." or (len(name) <= 253 and _SEARCH.fullmatch(name)) else "is no DNS name"


def driver_name(text: str) -> str:
    """The name of a CSI driver: at most 63 characters, a DNS name in any case."""
    return "has more than 63 characters" if len(text) > 63 else dns_subdomain(text.lower())


def domain_path(text: str) -> str:
    """A path that a domain owns, such as example.com/controller."""
    domain, slash, path = text.partition("/")
    if not slash or not path or dns_subdomain(domain) or not _PATH_SEGMENTS.fullmatch(path):
        return "is no domain/path such as example.com/controller"
    return ""


def signer_name(text: str) -> str:
    """The name of a signer of certificates: a domain of two parts or more, a slash, a path."""
    domain, _, path = text.partition("/")
    if not _SIGNER.fullmatch(text) or "." not in domain or dns_subdomain(domain) or dns_subdomain(path):
        return "is no signer such as example.com/my-signer"
    return ""


def cel_name(text: str) -> str:
    """A name that CEL can spell."""
    return "" if _CEL_NAME.fullmatch(text) and text not in _CEL_WORDS else "is no name in CEL"


def sysctl(text: str) -> str:
    """The name of a kernel parameter such as net.core.somaxconn."""
    return "" if len(text) <= 253 and _SYSCTL.fullmatch(text) else "is no name of a kernel parameter"


def group_name(text: str) -> str:
    """An API group of one's own: a DNS name of two parts or more."""
    return dns_subdomain(text) or ("" if "." in text else "should be a domain with at least one dot")


def endpoint_address(text: str) -> str:
    """An address that traffic can be sent to: neither unspecified, nor loopback, nor link-local."""
    if fault := ip_address(text):
        return fault
    address = ipaddress.ip_address(text)
    special = ("unspecified", "loopback", "link_local")
    found = [name.replace("_", "-") for name in special if getattr(address, f"is_{name}")]
    if address.is_multicast and (text.startswith("224.0.0.") or text.lower().startswith("ff02")):
        found.append("link-local multicast")
    return f"may not be {found[0]}" if found else ""


def relative_path(text: str) -> str:
    """A path inside a volume: not absolute, and nowhere `..`."""
    return "is no relative path without '..'" if text.startswith("/") or ".." in text.split("/") else ""


def file_path(text: str) -> str:
    """A relative path that the kubelet can write: its first letters are not `..`, which mark its own files."""
    return relative_path(text) or ("starts with '..'" if text.startswith("..") else "")
