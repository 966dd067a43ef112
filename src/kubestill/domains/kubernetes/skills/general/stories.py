"""Topics that are small stories with a sum at their end: replicas and memory, quotas, nodes, roll-outs, disks, money."""

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.skills.general.numbers import amount, cpu, decimal, memory
from kubestill.domains.kubernetes.skills.general.topic import Asked, Said, Solved, Topic, one

_MEMORY = ("64Mi", "128Mi", "200Mi", "256Mi", "300Mi", "384Mi", "512Mi", "640Mi", "768Mi", "1Gi", "2Gi", "3Gi", "4Gi")
_CPU = ("50m", "100m", "150m", "200m", "250m", "300m", "400m", "500m", "750m", "1", "2")


def _sum(working: str, value: object) -> Solved:
    return one(working=working, value=value)


def _memory_total(rng: Random, words: Words) -> Asked:
    return Asked({"name": words.name(), "replicas": str(rng.randrange(2, 25)), "memory": rng.choice(_MEMORY)})


def _solve_memory(said: Said) -> Solved:
    return _sum(f"{said['replicas']} x {said['memory']}", memory(int(said["replicas"]) * amount(said["memory"])))


def _cpu_total(rng: Random, words: Words) -> Asked:
    return Asked({"name": words.name(), "replicas": str(rng.randrange(2, 25)), "cpu": rng.choice(_CPU)})


def _solve_cpu(said: Said) -> Solved:
    return _sum(f"{said['replicas']} x {said['cpu']}", cpu(int(said["replicas"]) * amount(said["cpu"])))


def _two_apps(rng: Random, words: Words) -> Asked:
    counts, sizes = (rng.randrange(2, 10), rng.randrange(2, 10)), rng.sample(_MEMORY, 2)
    said = {"first": words.name(), "replicas": str(counts[0]), "memory": sizes[0]}
    return Asked(said | {"second": words.name(), "others": str(counts[1]), "size": sizes[1]})


def _solve_two(said: Said) -> Solved:
    total = int(said["replicas"]) * amount(said["memory"]) + int(said["others"]) * amount(said["size"])
    return _sum(f"{said['replicas']} x {said['memory']} + {said['others']} x {said['size']}", memory(total))


def _quota_left(rng: Random, words: Words) -> Asked:
    quota = rng.choice((4, 8, 10, 16, 20, 32, 64))
    if rng.random() < 0.5:
        return Asked({"namespace": words.namespace(), "quota": f"{quota}Gi", "used": f"{rng.randrange(256, quota * 1024, 128)}Mi"})
    return Asked({"namespace": words.namespace(), "quota": str(quota), "used": f"{rng.randrange(1, quota * 10) * 100}m"}, "cpu")


def _solve_quota(said: Said) -> Solved:
    left = amount(said["quota"]) - amount(said["used"])
    return _sum(f"{said['quota']} - {said['used']}", memory(left) if said["quota"].endswith("i") else cpu(left))


def _pods_in(rng: Random, words: Words) -> Asked:  # noqa: ARG001 - as all draws
    if rng.random() < 0.5:
        return Asked({"total": str(rng.choice((2, 4, 8, 16, 32))), "request": rng.choice(_CPU)}, "cpu")
    return Asked({"total": f"{rng.choice((4, 8, 16, 32, 64))}Gi", "request": rng.choice(_MEMORY)})


def _solve_pods_in(said: Said) -> Solved:
    return _sum(f"{said['total']} / {said['request']}, rounded down", math.floor(amount(said["total"]) / amount(said["request"])))


def _nodes(rng: Random, words: Words) -> Asked:
    per = rng.randrange(3, 40)
    return Asked({"name": words.name(), "replicas": str(rng.randrange(per + 1, 300)), "each": str(per)})


def _up(first: str, second: str) -> Callable[[Said], Solved]:
    """Return how a division that is rounded up is solved."""
    return lambda said: _sum(f"{said[first]} / {said[second]}, rounded up", -(-int(said[first]) // int(said[second])))


def _pods_for_load(rng: Random, words: Words) -> Asked:
    each = rng.choice((50, 80, 100, 120, 150, 200, 250, 400, 500))
    return Asked({"name": words.name(), "load": str(rng.randrange(each + 1, each * 30)), "each": str(each)})


def _roll(rng: Random, words: Words) -> Asked:
    at_once = rng.randrange(2, 6)
    return Asked(
        {
            "name": words.name(),
            "replicas": str(at_once * rng.randrange(2, 12)),
            "step": str(at_once),
            "seconds": str(rng.choice((5, 10, 15, 20, 30, 45, 60))),
        }
    )


def _solve_roll(said: Said) -> Solved:
    steps = -(-int(said["replicas"]) // int(said["step"]))
    return _sum(f"{said['replicas']} / {said['step']} x {said['seconds']}", f"{steps * int(said['seconds'])} seconds")


def _disk(rng: Random, words: Words) -> Asked:
    daily, days = rng.randrange(1, 12), rng.randrange(2, 40)
    used = rng.randrange(5, 200)
    return Asked(
        {"name": words.name(), "size": f"{used + daily * days + rng.randrange(0, daily)}Gi", "used": f"{used}Gi", "daily": f"{daily}Gi"}
    )


def _solve_disk(said: Said) -> Solved:
    left = amount(said["size"]) - amount(said["used"])
    return _sum(f"({said['size']} - {said['used']}) / {said['daily']}, rounded down", f"{math.floor(left / amount(said['daily']))} days")


def _backups(rng: Random, words: Words) -> Asked:
    return Asked({"name": words.name(), "kept": str(rng.choice((3, 5, 7, 10, 14, 30))), "size": f"{rng.randrange(1, 60)}Gi"})


def _solve_backups(said: Said) -> Solved:
    return _sum(f"{said['kept']} x {said['size']}", memory(int(said["kept"]) * amount(said["size"])))


def _money(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    return Asked(
        {
            "nodes": str(rng.randrange(2, 30)),
            "price": f"{rng.randrange(4, 200) / 100:.2f}",
            "hours": str(rng.choice((8, 10, 12, 24, 72, 168, 720))),
        }
    )


def _solve_money(said: Said) -> Solved:
    total = int(said["nodes"]) * Fraction(said["price"]) * int(said["hours"])
    return _sum(f"{said['nodes']} x {said['price']} x {said['hours']}", f"{float(total):.2f}")


def _more_replicas(rng: Random, words: Words) -> Asked:
    """A quota, what is used of it, and how many more pods of one size fit."""
    each = rng.choice(("128Mi", "256Mi", "512Mi", "1Gi"))
    quota = rng.choice((4, 8, 10, 16, 20))
    return Asked({"namespace": words.namespace(), "quota": f"{quota}Gi", "used": f"{rng.randrange(1, quota)}Gi", "each": each})


def _solve_more_replicas(said: Said) -> Solved:
    left = amount(said["quota"]) - amount(said["used"])
    return _sum(f"({said['quota']} - {said['used']}) / {said['each']}, rounded down", math.floor(left / amount(said["each"])))


def _ready(rng: Random, words: Words) -> Asked:
    desired = rng.randrange(3, 40)
    return Asked({"name": words.name(), "desired": str(desired), "ready": str(rng.randrange(0, desired))})


def _free_nodes(rng: Random, words: Words) -> Asked:  # noqa: ARG001
    nodes = rng.randrange(6, 60)
    cordoned, tainted = rng.randrange(2, 4), rng.randrange(2, 4)
    return Asked({"nodes": str(nodes), "cordoned": str(cordoned), "tainted": str(tainted)})


def _solve_free_nodes(said: Said) -> Solved:
    left = int(said["nodes"]) - int(said["cordoned"]) - int(said["tainted"])
    return _sum(f"{said['nodes']} - {said['cordoned']} - {said['tainted']}", left)


def _share(rng: Random, words: Words) -> Asked:
    total = rng.choice((4, 5, 8, 10, 20, 25, 40, 50, 200, 400))
    return Asked({"name": words.name(), "failed": str(rng.randrange(1, total)), "total": str(total)})


def _solve_share(said: Said) -> Solved:
    return _sum(f"{said['failed']} / {said['total']}", f"{decimal(Fraction(int(said['failed']) * 100, int(said['total'])))}%")


def _per_node(rng: Random, words: Words) -> Asked:
    """DaemonSets: one pod a node, so much for the cluster."""
    return Asked({"name": words.name(), "nodes": str(rng.randrange(3, 60)), "memory": rng.choice(_MEMORY[:8])})


_QUANTITY = {"is": "{working:working} = {value:quantity}"}
_NUMBER = {"is": "{working:working} = {value:number}"}
_TEXT = {"is": "{working:working} = {value}"}
TOPICS = (
    Topic("memory-total", _memory_total, _solve_memory, _QUANTITY),
    Topic("cpu-total", _cpu_total, _solve_cpu, _QUANTITY),
    Topic("two-apps", _two_apps, _solve_two, _QUANTITY),
    Topic("quota-left", _quota_left, _solve_quota, _QUANTITY),
    Topic("pods-in", _pods_in, _solve_pods_in, _NUMBER),
    Topic("nodes", _nodes, _up("replicas", "each"), _NUMBER),
    Topic("pods-for-load", _pods_for_load, _up("load", "each"), _NUMBER),
    Topic("roll-time", _roll, _solve_roll, _TEXT, 0.8),
    Topic("disk-days", _disk, _solve_disk, _TEXT, 0.8),
    Topic("backups", _backups, _solve_backups, _QUANTITY, 0.8),
    Topic("money", _money, _solve_money, _NUMBER, 0.8),
    Topic("more-replicas", _more_replicas, _solve_more_replicas, _NUMBER),
    Topic(
        "not-ready",
        _ready,
        lambda said: _sum(f"{said['desired']} - {said['ready']}", int(said["desired"]) - int(said["ready"])),
        _NUMBER,
        0.5,
    ),
    Topic("free-nodes", _free_nodes, _solve_free_nodes, _NUMBER, 0.6),
    Topic("share", _share, _solve_share, _TEXT, 0.6),
    Topic(
        "per-node",
        _per_node,
        lambda said: _sum(f"{said['nodes']} x {said['memory']}", memory(int(said["nodes"]) * amount(said["memory"]))),
        _QUANTITY,
        0.8,
    ),
)
