"""What a terminal shows: the lines of a view, with its tables, container states, events and logs written out as kubectl writes them."""

import re
from collections.abc import Sequence

import yaml

from kubestill.domains.kubernetes.skills.diagnose.align import DETAIL, TABLE, align
from kubestill.domains.kubernetes.skills.diagnose.logs import ENDED, log_lines
from kubestill.domains.kubernetes.skills.diagnose.objects import manifest
from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.values import generated, human, long_time, stamp, zulu

_POD_COLUMNS = TABLE.join(("NAME", "READY", "STATUS", "RESTARTS", "AGE"))
_STYLES = ("describe", "describe", "describe", "get", "events", "rows")
_VERSIONS = ("v1.36.0", "v1.36.1", "v1.35.4", "v1.34.6")
_EACH_START = ("Pulling", "Pulled", "Created", "Started", "Failed", "Killing")  # told again at each start of a container
_LATEST = 290  # seconds within which what goes on happened last: the longest back-off is five minutes
_ONCE = ("Evicted", "BackoffLimitExceeded", "DeadlineExceeded")
_NEVER = "Thu, 01 Jan 1970 00:00:00 +0000"  # when a container that the runtime could not start was started
_TIME = re.compile(r"'(\d{4}-\d\d-\d\dT[\d:]+Z)'")
_QUOTED = r'"\1"'  # Go's YAML puts double quotation marks around what would be read as a time
_WRAP = 80  # columns after which kubectl -o yaml folds a text


class Screen:
    """Writes one view of a cause."""

    def __init__(self, scene: Scene, log: str, style: str = "") -> None:
        self.scene, self.log = scene, log
        self.style = style or scene.rng.choice(_STYLES)  # of events: as describe, get events or kubectl events print them
        self.age = scene.rng.randrange(70, 1500)  # seconds since the pod was made
        self.ago = scene.rng.randrange(5, _seconds(scene.restarts))  # and since it was last started again

    def text(self, view: str) -> str:
        """Return a view as it would be pasted."""
        filled = self.scene.fill(view).strip("\n")
        if "BackOff" in filled or " r\n" in f"{filled}\n" or ("%running" in filled and self.scene["probe"] != "readiness"):
            self.age = _backed_off(self.scene.restarts) + self.ago
        lines: list[str] = []
        events: list[str] = []
        for line in filled.split("\n"):
            if line.startswith("!"):
                events.append(line)
                continue
            lines += self._events(events)
            events = []
            lines += self._line(line)
        lines += self._events(events)
        return "\n".join(align(lines))

    def _line(self, line: str) -> list[str]:
        if line.startswith("$"):
            return self._prompt(line)
        if line.startswith("/ # "):
            return [line]
        if not line.startswith("%"):
            return [line.removeprefix("+")] if line else []
        macro, *rest = line[1:].split(" ", 1)
        return _MACROS[macro](self, rest[0] if rest else "")

    def _prompt(self, line: str) -> list[str]:
        """Return a command as typed: `$` kubectl in the namespace, `$!` kubectl of the whole cluster, `$$` another program."""
        if self.scene.prompt is None:
            return []
        mark, command = line.split(" ", 1)
        if mark == "$$":
            return [self.scene.prompt + command]
        head, pipe, tail = command.partition(" | ")
        flag = self.scene.flag if mark == "$" else ""
        return [f"{self.scene.prompt}kubectl {head}{flag}{pipe}{tail}"]

    def pods(self, rest: str) -> list[str]:
        """Return the table of pods with healthy neighbours."""
        rows = [self._pod_row(rest)]
        for _ in range(self.scene.rng.choice((0, 0, 1, 1, 2))):
            age = human(self.scene.rng.choice((3600, 86_400)) * self.scene.rng.randrange(3, 70))
            rows.append(TABLE.join((generated(self.scene), "1/1", "Running", "0", age)))
        return [_POD_COLUMNS, *sorted(rows)]

    def only(self, rest: str) -> list[str]:
        """Return the table of the one pod."""
        return [_POD_COLUMNS, self._pod_row(rest)]

    def _pod_row(self, rest: str) -> str:
        ready, status, *more = rest.split()
        restarts = f"{self.scene.restarts} ({human(self.ago)} ago)" if "r" in more else "0"
        return TABLE.join((self.scene["pod"], ready, status, restarts, human(self.age)))

    def nodes(self, rest: str) -> list[str]:
        """Return the table of nodes."""
        name, status = rest.split()
        version, old = self.scene.rng.choice(_VERSIONS), self.scene["old"]
        rows = [TABLE.join((name, status, "<none>", old, version))]
        rows += [
            TABLE.join((self.scene[f"node{number}"], "Ready", "<none>", old, version)) for number in (7, 8)[: self.scene.rng.randrange(3)]
        ]
        return [TABLE.join(("NAME", "STATUS", "ROLES", "AGE", "VERSION")), *sorted(rows)]

    def claims(self, rest: str) -> list[str]:
        """Return the table of claims."""
        columns = ("NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS", "VOLUMEATTRIBUTESCLASS", "AGE")
        scene = self.scene
        return [TABLE.join(columns), TABLE.join((scene["claim"], rest, "", "", "", scene["class"], "<unset>", human(self.age)))]

    def head(self, rest: str) -> list[str]:
        """Return how the description of a pod begins; what follows is cut."""
        scene = self.scene
        rows = [("Name", scene["pod"]), ("Namespace", scene["namespace"]), ("Priority", "0"), ("Service Account", "default")]
        placed = ("Node", "<none>" if rest == "Unscheduled" else f"{scene['node']}/{scene['server_ip']}")
        rows += [placed, ("Status", "Pending")] if scene.rng.random() < 0.5 else [("Status", "Pending")]
        return [f"{name}:".ljust(18) + value for name, value in rows]

    def container(self, rest: str) -> list[str]:
        """Return a container as described: what it waits for, how it ended (REASON:CODE), and the message of that."""
        waiting, last, message = (*rest.split(" ", 2), "", "")[:3]
        rows = [f"    State:{DETAIL}Waiting", f"      Reason:{DETAIL}{waiting}"]
        if waiting == "Running":
            rows = [f"    State:{DETAIL}Running", f"      Started:{DETAIL}{self._when(60)}"]
        if last:
            reason, code = last.split(":")
            rows += [f"    Last State:{DETAIL}Terminated", f"      Reason:{DETAIL}{reason}"]
            rows += [f"      Message:{DETAIL}{message}"] if message else []
            rows += [f"      Exit Code:{DETAIL}{code}"]
            started = _NEVER if reason == "StartError" else self._when(95)
            rows += (
                [f"      Started:{DETAIL}{started}", f"      Finished:{DETAIL}{self._when(ENDED)}"] if self.scene.rng.random() < 0.6 else []
            )
        restarts = self.scene.restarts if last else 0
        rows += [f"    Ready:{DETAIL}{waiting == 'Running'}", f"    Restart Count:{DETAIL}{restarts}"]
        return self._described(rows)

    def running(self, rest: str) -> list[str]:
        """Return a container that runs and is not ready, with its probe."""
        count = self.scene.restarts if self.scene["probe"] != "readiness" else 0
        rows = [f"    State:{DETAIL}Running", f"      Started:{DETAIL}{self._when(60)}"] if self.scene.rng.random() < 0.6 else []
        rows += [f"    Ready:{DETAIL}False", f"    Restart Count:{DETAIL}{count}", f"    {rest}"]
        port = self.scene["port"]
        return self._described([f"    Port:{DETAIL}{port}/TCP", f"    Host Port:{DETAIL}0/TCP", *rows], ports=True)

    def _described(self, rows: list[str], ports: bool = False) -> list[str]:
        """Return a container's block, its columns set as in the whole description, whatever part of it was pasted."""
        scene = self.scene
        head = ["Containers:", f"  {scene['container']}:"]
        image = [f"    Image:{DETAIL}{scene['image']}"] if ports or scene.rng.random() < 0.5 else []
        padding = f"    Restart Count:{DETAIL}"
        aligned = align([padding, *image, *rows])[1:]
        return [*head, *(line for line in aligned)]

    def _when(self, ago: int) -> str:
        return long_time(stamp(self.scene, ago))

    def status(self, rest: str) -> list[str]:
        """Return a container's status as YAML: what it waits for, how it ended (REASON:CODE, or -), and the message of the later."""
        waiting, last, message = (*rest.split(" ", 2), "", "")[:3]
        scene = self.scene
        name, pod = scene["container"], f"{scene['pod']}_{scene['namespace']}({scene['uid']})"
        told: dict[str, object] = {"message": _as_status(message, waiting)} if message and last == "-" else {}
        if waiting == "CrashLoopBackOff":
            told = {"message": f"back-off {_pause(scene.restarts)} restarting failed container={name} pod={pod}"}
        status: dict[str, object] = {
            "name": name,
            "image": scene["image"],
            "ready": False,
            "restartCount": scene.restarts if last != "-" else 0,
        }
        if last != "-":
            reason, code = last.split(":")
            ended: dict[str, object] = {"exitCode": int(code), "reason": reason, "finishedAt": zulu(stamp(scene, 40))}
            status["lastState"] = {"terminated": ended | ({"message": message} if message else {})}
        status["state"] = {"waiting": {"reason": waiting, **told}}
        text = yaml.dump({"containerStatuses": [status]}, Dumper=yaml.CSafeDumper, width=_WRAP, default_flow_style=False)
        return ["status:", *(f"  {_TIME.sub(_QUOTED, line)}" for line in text.rstrip().split("\n"))]

    def written(self, rest: str) -> list[str]:
        """Return what the container wrote."""
        del rest
        return log_lines(self.scene.fill(self.log), self.scene)

    def object(self, rest: str) -> list[str]:
        """Return an object that the fault is planted in."""
        return manifest(rest, self.scene)

    def _events(self, events: Sequence[str]) -> list[str]:
        """Return events as a description, `get events` or `kubectl events` lists them; the first are the oldest."""
        if not events:
            return []
        rows = [row for _, row in self._timed(events)]
        style = self.style
        if style in ("get", "events"):
            columns = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
            named = [(self._seen(row[2], style), row[0], row[1], self._object(row[4], style), row[5]) for row in rows]
            table = [TABLE.join(columns), *(TABLE.join(row) for row in named)]
            mark = "$!" if named[0][3].lower().startswith("node/") else "$"  # events of nodes are in no namespace of ours
            return [*self._prompt(f"{mark} {'get events' if style == 'get' else 'events'}"), *align(table)]
        cells = [DETAIL.join((f"  {row[0]}", *row[1:4], row[5])) for row in rows]
        if style == "rows":
            return align(cells)
        head = [DETAIL.join(("  Type", "Reason", "Age", "From", "Message")), DETAIL.join(("  ----", "------", "----", "----", "-------"))]
        return ["Events:", *align([*head, *cells])]

    def _timed(self, events: Sequence[str]) -> list[tuple[int, tuple[str, str, str, str, str, str]]]:
        """Return events with the seconds since each was last seen, the oldest first, as kubectl sorts them."""
        rng = self.scene.rng
        again = 0  # seconds since a container, or the pull of its image, was last tried again
        if any(f" {reason} " in event for event in events for reason in ("BackOff", "Killing", "Pulling")):
            again = rng.randrange(5, max(6, min(self.age // 2, _LATEST)))
        timed = []
        for place, event in enumerate(events):
            timed.append(self._event(event, self.age - place * rng.randrange(1, 4), again))
        return sorted(timed, key=lambda row: -row[0])

    def _event(self, event: str, first: int, again: int) -> tuple[int, tuple[str, str, str, str, str, str]]:
        """Return when an event was last seen, and its type, reason, age, source, object and message."""
        facts, _, message = event[1:].partition(" | ")
        kind, reason, source, *named = facts.split(" ")
        rng = self.scene.rng
        count, last = 1, first + (rng.randrange(60, 500) if reason == "SuccessfulCreate" else 0)
        if again and reason in _EACH_START:
            count, last = _attempts(first - again), again
        elif again and reason == "BackOff":
            count, last = rng.randrange(3, max(4, min(90, first // 14))), rng.randrange(1, again)
        elif kind == "W" and reason not in _ONCE and rng.random() < 0.8:
            count, last = rng.randrange(2, max(3, min(28, first // 20))), rng.randrange(3, max(4, min(first // 2, _LATEST)))
        age = f"{human(max(last, 1))} (x{count} over {human(first)})" if count > 1 else human(max(last, 1))
        shown = "Warning" if kind == "W" else "Normal"
        return last, (shown, reason, age, source, named[0] if named else f"pod/{self.scene['pod']}", message.replace("\n", " "))

    @staticmethod
    def _seen(age: str, style: str) -> str:
        return age if style == "events" else age.split(" ")[0]

    @staticmethod
    def _object(named: str, style: str) -> str:
        """Return the object as it is listed: `kubectl events` writes the kind in full."""
        kind, _, name = named.partition("/")
        return f"{_KINDS[kind]}/{name}" if style == "events" else named


def _pause(restarts: int) -> str:
    """Return how long a container waits after so many restarts, as Go writes a duration: 40s, 1m20s, 5m0s."""
    minutes, seconds = divmod(_seconds(restarts), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _seconds(restarts: int) -> int:
    """Return the pause after so many restarts: it doubles from 10 seconds to 5 minutes (kubelet, MaxContainerBackOff)."""
    return int(min(10 * 2 ** (restarts - 1), 300))


def _backed_off(restarts: int) -> int:
    """Return the seconds that so many restarts take, with a few for each run."""
    return sum(_seconds(number) + 4 for number in range(1, restarts + 1))


def _attempts(seconds: int) -> int:
    """Return how often something was tried in so many seconds, with these pauses."""
    count, spent = 1, _seconds(1)
    while spent <= seconds:
        count += 1
        spent += _seconds(count) + 4
    return count


def _as_status(message: str, waiting: str) -> str:
    """Return the message of an event as the container's status has it: without what the event says before it."""
    text = message.removeprefix("Error: ")
    if not text.startswith("Failed to pull image "):
        return text
    image, reason = text.removeprefix("Failed to pull image ").split(": ", 1)
    return f"Back-off pulling image {image}: ErrImagePull: {reason}" if waiting == "ImagePullBackOff" else reason


_KINDS = {
    "pod": "Pod", "node": "Node", "replicaset": "ReplicaSet", "job": "Job", "cronjob": "CronJob", "daemonset": "DaemonSet",
    "statefulset": "StatefulSet", "persistentvolumeclaim": "PersistentVolumeClaim", "horizontalpodautoscaler": "HorizontalPodAutoscaler",
}  # fmt: skip
_MACROS = {
    "pods": Screen.pods,
    "only": Screen.only,
    "nodes": Screen.nodes,
    "pvc": Screen.claims,
    "head": Screen.head,
    "container": Screen.container,
    "running": Screen.running,
    "yaml": Screen.status,
    "log": Screen.written,
    "manifest": Screen.object,
}
