"""Topics with numbers: quantities, percentages as Kubernetes rounds them, probes, back-off, addresses, modes, base64, versions."""

import base64
import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from ipaddress import ip_address, ip_network
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.quantities import parse_quantity
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, one, yes_or_no

_BINARY = (("Ti", 1024**4), ("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024))
HPA_TOLERANCE = Fraction(1, 10)  # kube-controller-manager --horizontal-pod-autoscaler-tolerance
BACKOFF_SECONDS = (10, 20, 40, 80, 160, 300)  # kubelet, MaxCrashLoopBackOff: doubles from 10 s up to five minutes
KUBELET_SKEW, KUBECTL_SKEW, CONTROL_SKEW = 3, 1, 1  # minor versions; kubernetes.io, "Version Skew Policy"
_TIME = re.compile(r"(\d+)(h|m|s)")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def amount(text: str) -> Fraction:
    """Return the number that a quantity stands for.

    Raises:
        ValueError: it is none.
    """
    value = parse_quantity(text)
    if value is None:
        raise ValueError(f"{text!r} is no quantity")
    return value


def memory(value: Fraction) -> str:
    """Return an amount of memory as Kubernetes writes it: whole, with the largest binary suffix that divides it."""
    for suffix, factor in _BINARY:
        if value and value % factor == 0:
            return f"{value // factor}{suffix}"
    return decimal(value)


def cpu(value: Fraction) -> str:
    """Return an amount of processor time as Kubernetes writes it: whole cores, else thousandths."""
    return str(value) if value.denominator == 1 else f"{decimal(value * 1000)}m"


def decimal(value: Fraction) -> str:
    """Return a number without a needless point."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"


def _binary(rng: Random) -> str:
    return f"{rng.choice((1, 2, 4, 8, 16, 64, 128, 200, 256, 300, 512, 768, rng.randrange(1, 999)))}{rng.choice(('Ki', 'Mi', 'Mi', 'Gi'))}"


def _bytes(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    text = _binary(rng) if rng.random() < 0.7 else f"{rng.randrange(1, 999)}{rng.choice('kMG')}"
    return Asked({"amount": text})


def _convert(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    high, low = rng.choice((("Gi", "Mi"), ("Mi", "Ki"), ("Ti", "Gi")))
    count = rng.choice((1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 64, rng.randrange(1, 200)))
    return Asked({"amount": f"{count}{high}", "unit": low} if rng.random() < 0.6 else {"amount": f"{count * 1024}{low}", "unit": high})


def _solve_convert(said: Said) -> Solved:
    factor = dict(_BINARY)[said["unit"]]
    return one(value=f"{decimal(amount(said['amount']) / factor)}{said['unit']}")


def _cores(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"cpu": f"{rng.choice((50, 100, 250, 500, 750, 1500, 2000, 2500, 10 * rng.randrange(1, 999)))}m"})


def _millis(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked(
        {"cpu": rng.choice(("0.1", "0.25", "0.5", "0.75", "1.5", "2.5", f"{rng.randrange(1, 999) / 100:g}", f"{rng.randrange(1, 9)}"))}
    )


def _more(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    count = rng.choice((1, 2, 5, 10, 100, 500, 512, rng.randrange(1, 900)))
    pairs = (
        (f"{count}M", f"{count}Mi"),
        (f"{count}G", f"{count}Gi"),
        (f"{count * 1000}Mi", f"{count}Gi"),
        (f"{count * 1024}Mi", f"{count}Gi"),
        (f"{count * 100}m", decimal(Fraction(rng.randrange(1, 40), 4))),
        (f"{count}Mi", f"{count * 1000}Ki"),
        (_binary(rng), _binary(rng)),
    )
    first, second = rng.sample(rng.choice(pairs), 2)
    return Asked({"first": first, "second": second})


def _solve_more(said: Said) -> Solved:
    first, second = amount(said["first"]), amount(said["second"])
    if first == second:
        return Solved("equal", {"first": said["first"], "second": said["second"]})
    return Solved("more", {"more": said["first"] if first > second else said["second"]})


def _share(text: str, whole: int, rounded: Callable[[Fraction], int]) -> int:
    """Return a count, or the share of a whole that a percentage is."""
    return rounded(Fraction(int(text[:-1]) * whole, 100)) if text.endswith("%") else int(text)


def _percent(rng: Random) -> str:
    return f"{rng.choice((10, 20, 25, 25, 30, 33, 40, 50, 75, rng.randrange(1, 100)))}%"


def _surge(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"replicas": str(rng.randrange(2, 60)), "percent": _percent(rng)})


def _solve_surge(said: Said) -> Solved:
    return one(value=_share(said["percent"], int(said["replicas"]), math.ceil))


def _unavailable(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    while True:
        said = {"replicas": str(rng.randrange(2, 60)), "percent": _percent(rng)}
        if _share(said["percent"], int(said["replicas"]), math.floor):  # zero is a question of its own: maxSurge decides it
            return Asked(said)


def _solve_unavailable(said: Said) -> Solved:
    return one(value=_share(said["percent"], int(said["replicas"]), math.floor))


def _bounds(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    while True:
        replicas = rng.randrange(2, 40)
        surge, down = (rng.choice((_percent(rng), str(rng.randrange(0, 4)))) for _ in range(2))
        if _share(surge, replicas, math.ceil) and _share(down, replicas, math.floor) < replicas:
            return Asked({"replicas": str(replicas), "surge": surge, "down": down})


def _solve_bounds(said: Said) -> Solved:
    replicas = int(said["replicas"])
    return one(least=replicas - _share(said["down"], replicas, math.floor), most=replicas + _share(said["surge"], replicas, math.ceil))


def _evictions(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    healthy = rng.randrange(2, 30)
    least = _percent(rng) if rng.random() < 0.5 else str(rng.randrange(1, healthy + 1))
    return Asked({"pods": str(healthy), "least": least})


def _solve_evictions(said: Said) -> Solved:
    pods = int(said["pods"])
    return one(value=max(0, pods - _share(said["least"], pods, math.ceil)))


def _autoscale(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    target = rng.choice((50, 60, 70, 75, 80))
    return Asked({"replicas": str(rng.randrange(2, 20)), "now": f"{rng.randrange(10, 200)}%", "target": f"{target}%"})


def _solve_autoscale(said: Said) -> Solved:
    replicas, ratio = int(said["replicas"]), Fraction(int(said["now"].rstrip("%")), int(said["target"].rstrip("%")))
    return one(value=replicas if abs(ratio - 1) <= HPA_TOLERANCE else math.ceil(replicas * ratio))


def _probe(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"period": str(rng.choice((2, 3, 5, 10, 15, 20, 30))), "failures": str(rng.choice((2, 3, 5, 6, 10, 12, 20, 30, 60)))})


def _solve_probe(said: Said) -> Solved:
    return one(value=int(said["period"]) * int(said["failures"]))


def _duration(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    hours, minutes, seconds = rng.randrange(0, 30), rng.randrange(0, 60), rng.choice((0, 0, 30, rng.randrange(60)))
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{seconds}s" if seconds else "")
    return Asked({"duration": text or "90s"})


def _solve_duration(said: Said) -> Solved:
    found = _TIME.findall(said["duration"])
    if not found:
        raise ValueError(f"{said['duration']!r} is no duration")
    return one(value=sum(int(count) * _SECONDS[unit] for count, unit in found))


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def _backoff(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"restart": rng.choice(_ORDINALS)})


def _solve_backoff(said: Said) -> Solved:
    return one(value=BACKOFF_SECONDS[min(_ORDINALS.index(said["restart"]), len(BACKOFF_SECONDS) - 1)])


def _address(rng: Random) -> str:
    head = rng.choice((f"10.{rng.randrange(256)}", f"172.{rng.randrange(16, 32)}", "192.168"))
    return f"{head}.{rng.randrange(256)}.{rng.randrange(256)}"


def _network(rng: Random) -> str:
    return str(ip_network(f"{_address(rng)}/{rng.choice((16, 18, 20, 22, 23, 24, 24, 25, 26, 27, 28, 29, 30))}", strict=False))


def _cidr_size(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked({"cidr": _network(rng)})


def _cidr_holds(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    network = ip_network(_network(rng))
    inside = rng.random() < 0.5
    near = int(network.network_address) + rng.randrange(network.num_addresses) + (0 if inside else network.num_addresses)
    return Asked({"address": str(ip_address(near)), "cidr": str(network)})


def _solve_cidr_holds(said: Said) -> Solved:
    return yes_or_no(ip_address(said["address"]) in ip_network(said["cidr"]), address=said["address"], cidr=said["cidr"])


def _mode(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    digits = "".join(rng.choice("04567") for _ in range(3))
    return Asked({"mode": f"0{digits if digits != '000' else rng.choice(('400', '600', '644', '755'))}"})


def _encode(rng: Random, words: Words) -> Asked:
    return Asked({"text": rng.choice((words.word(), words.name(), words.secret()))[:20]})


def _decode(rng: Random, words: Words) -> Asked:
    return Asked({"code": base64.b64encode(rng.choice((words.word(), words.name(), words.secret()))[:20].encode()).decode()})


def _waves(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    parallel = rng.randrange(2, 12)
    return Asked({"completions": str(rng.randrange(parallel + 1, 80)), "parallelism": str(parallel)})


def _newer(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    major = rng.choice((1, 1, 1, 2, rng.randrange(1, 30)))
    first, second = rng.sample(range(1, 40), 2)
    shapes = ((f"{major}.{first}", f"{major}.{second}"), (f"v{major}.{first}.{rng.randrange(9)}", f"v{major}.{second}.{rng.randrange(9)}"))
    pair = rng.choice(shapes)
    return Asked({"first": pair[0], "second": pair[1]})


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.lstrip("v").split("."))


def _solve_newer(said: Said) -> Solved:
    return one(newer=max(said["first"], said["second"], key=_parts))


_COMPONENTS: Mapping[str, tuple[int, int]] = {  # how many minors behind and ahead of the API server each may be
    "kubelet": (KUBELET_SKEW, 0),
    "kube-proxy": (KUBELET_SKEW, 0),
    "kubectl": (KUBECTL_SKEW, KUBECTL_SKEW),
    "kube-scheduler": (CONTROL_SKEW, 0),
    "kube-controller-manager": (CONTROL_SKEW, 0),
}


def _skew(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    server = rng.randrange(29, 37)
    return Asked({"component": rng.choice(tuple(_COMPONENTS)), "version": f"1.{server + rng.randrange(-5, 3)}", "server": f"1.{server}"})


def _solve_skew(said: Said) -> Solved:
    behind, ahead = _COMPONENTS[said["component"]]
    distance = _parts(said["version"])[1] - _parts(said["server"])[1]
    form = "newer" if distance > ahead else "older" if -distance > behind else "fine"
    limit = f"{behind} minor version{'' if behind == 1 else 's'} older{' or newer' if ahead else ''}"
    return Solved(form, {"component": said["component"], "limit": limit})


def _fits(rng: Random, words: Words) -> Asked:
    total = rng.choice((2, 4, 8, 16, 32))
    if rng.random() < 0.5:
        used = rng.randrange(total * 4, total * 10) * 100
        return Asked({"total": str(total), "used": f"{min(used, total * 1000)}m", "request": words.cpu()}, "cpu")
    return Asked({"total": f"{total}Gi", "used": f"{rng.randrange(total // 2, total)}Gi", "request": words.memory()})


def _solve_fits(said: Said) -> Solved:
    left = amount(said["total"]) - amount(said["used"])
    if left < 0:
        raise ValueError("more is used than there is")
    shown = memory(left) if said["total"].endswith("i") else cpu(left)
    return yes_or_no(amount(said["request"]) <= left, left=shown)


def _number(name: str, function: Callable[[str], object]) -> Callable[[Said], Solved]:
    """Return how a topic is solved whose one value is a function of one thing said."""
    return lambda said: one(value=function(said[name]))


_NUMBER, _WORD = {"is": "{value:number}"}, {"is": "{value:word}"}
_OF_SECONDS = {"is": "{value:number} seconds"}
TOPICS = (
    Topic("bytes", _bytes, _number("amount", lambda text: decimal(amount(text))), {"is": "{value:number} bytes"}),
    Topic("convert", _convert, _solve_convert, {"is": "{value:quantity}"}),
    Topic("cores", _cores, _number("cpu", lambda text: decimal(amount(text))), {"is": "{value:number} cores"}, 0.7),
    Topic("millicores", _millis, _number("cpu", lambda text: f"{decimal(amount(text) * 1000)}m"), {"is": "{value:quantity}"}, 0.7),
    Topic("more", _more, _solve_more, {"more": "{more:word} is more", "equal": "{first:word} and {second:word} are equal"}),
    Topic("max-surge", _surge, _solve_surge, _NUMBER, 0.7),
    Topic("max-unavailable", _unavailable, _solve_unavailable, _NUMBER, 0.7),
    Topic("rollout-bounds", _bounds, _solve_bounds, {"is": "at least {least:number} available, at most {most:number} in all"}, 0.8),
    Topic("evictions", _evictions, _solve_evictions, _NUMBER, 0.8),
    Topic("autoscale", _autoscale, _solve_autoscale, _NUMBER),
    Topic("probe-time", _probe, _solve_probe, _OF_SECONDS, 0.8),
    Topic("duration", _duration, _solve_duration, _OF_SECONDS, 0.7),
    Topic("back-off", _backoff, _solve_backoff, _OF_SECONDS, 0.3, closed=True),
    Topic("cidr-size", _cidr_size, _number("cidr", lambda text: ip_network(text).num_addresses), {"is": "{value:number} addresses"}, 0.7),
    Topic(
        "cidr-holds",
        _cidr_holds,
        _solve_cidr_holds,
        {"yes": "Yes: {address:word} is in {cidr:word}.", "no": "No: {address:word} is outside {cidr:word}."},
        0.8,
    ),
    Topic("mode", _mode, _number("mode", lambda text: int(text, 8)), _NUMBER, 0.6),
    Topic("encode", _encode, _number("text", lambda text: base64.b64encode(text.encode()).decode()), _WORD, 0.6),
    Topic("decode", _decode, _number("code", lambda text: base64.b64decode(text).decode()), _WORD, 0.6),
    Topic("waves", _waves, lambda said: one(value=-(-int(said["completions"]) // int(said["parallelism"]))), _NUMBER, 0.5),
    Topic("newer", _newer, _solve_newer, {"is": "{newer:word}"}, 0.6),
    Topic(
        "skew",
        _skew,
        _solve_skew,
        {
            "fine": "Yes: {component:word} may be up to {limit} than the API server.",
            "older": "No: {component:word} may be at most {limit} than the API server.",
            "newer": "No: {component:word} is too new for the API server.",
        },
        0.8,
        closed=True,
    ),
    Topic("fits", _fits, _solve_fits, {"yes": "Yes: {left:quantity} is left.", "no": "No: only {left:quantity} is left."}),
)
