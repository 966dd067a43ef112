"""What a terminal shows: the lines of a view, with its tables, container states, events and logs written out as kubectl writes them."""

import re
from collections.abc import Sequence

import yaml

from kubestill.domains.kubernetes.skills.diagnose.align import DETAIL, TABLE, align
from kubestill.domains.kubernetes.skills.diagnose.logs import log_lines
from kubestill.domains.kubernetes.skills.diagnose.objects import manifest
from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.timing import KEPT, RUN, Event, Timing, backed_off, failures, pause
from kubestill.domains.kubernetes.skills.diagnose.values import generated, human, long_time, stamp, zulu

_POD_COLUMNS = TABLE.join(("NAME", "READY", "STATUS", "RESTARTS", "AGE"))
_STYLES = ("describe", "describe", "describe", "get", "events", "rows")
_VERSIONS = ("v1.36.0", "v1.36.1", "v1.35.4", "v1.34.6")
_NEVER = "Thu, 01 Jan 1970 00:00:00 +0000"  # when a container that the runtime could not start was started
_TIME = re.compile(r"'(\d{4}-\d\d-\d\dT[\d:]+Z)'")
_QUOTED = r'"\1"'  # Go's YAML puts double quotation marks around what would be read as a time
_WRAP = 80  # columns after which kubectl -o yaml folds a text
_CRASHES = re.compile(r" r$|CrashLoopBackOff|RunContainerError|Back-off restarting", re.MULTILINE)
_PROBED = re.compile(r" probe failed|failed startup probe|%running|%manifest Probe")
_HEADED = re.compile(r"^[^!\n]", re.MULTILINE)
_PLANTED, _UNSHOWN, _BETWEEN = "%manifest", ("%seen", "%about", "%rows"), "---"  # between two objects
_UNMOUNTED = "Unable to attach or mount volumes"
_LEAST_UNMOUNTED, _LEAST_FAILED = 140, 150  # seconds until the kubelet says so, and until a Job has failed three times


class Screen:
    """Writes one view of a cause."""

    def __init__(self, scene: Scene, log: str, style: str = "") -> None:
        self.scene, self.log = scene, log
        self.style = style or scene.rng.choice(_STYLES)  # of events: as describe, get events or kubectl events print them
        self.age = scene.rng.randrange(70, 1500)  # seconds since the pod was made
        self.restarts, self.ago = 0, 0  # how often its container was started again, and seconds since that was last

    def text(self, view: str) -> str:
        """Return a view as it would be pasted."""
        self._begin(view)
        filled = self.scene.fill(view).strip("\n")
        lines: list[str] = []
        events: list[str] = []
        for line in _apart(filled.split("\n")):
            if line.startswith("!"):
                events.append(line)
                continue
            lines += self._events(events)
            events = []
            lines += self._line(line)
        lines += self._events(events)
        return "\n".join(align(lines)).strip("\n")

    def _begin(self, view: str) -> None:
        """Decide how old the pod is and how often its container was started again, so that all that is shown of it agrees."""
        scene, rng = self.scene, self.scene.rng
        if self.style == "rows" and _HEADED.search(view):
            self.style = "describe"  # only where nothing else is shown do events stand without a head
        if self.style == "get" and "\n" in scene.values.get("message", ""):
            self.style = "events"  # kubectl get cuts a cell at its first line (cli-runtime/pkg/printers/tableprinter.go)
        if _PROBED.search(view) and scene["probe"] != "readiness":
            cycle = int(scene["period"]) * failures(scene)
            self.restarts, self.ago = scene.restarts, rng.randrange(3, max(4, cycle))
            self.age = backed_off(self.restarts) + self.restarts * cycle + self.ago
        elif _CRASHES.search(view):
            self.restarts, self.ago = scene.restarts, rng.randrange(5, pause(scene.restarts))
            self.age = backed_off(self.restarts) + self.ago + RUN
        elif _UNMOUNTED in view:
            self.age += _LEAST_UNMOUNTED
        elif "BackoffLimit" in view:
            self.age += _LEAST_FAILED
        scene.lasted = self.age
        ages = (self.age, self.age - rng.randrange(12, 17), self.age - rng.randrange(33, 40))
        scene.values["ended"] = zulu(stamp(scene, self.ago))  # when the container stopped
        scene.values["silent"] = zulu(stamp(scene, self.age + 45))  # a node is given up some 40 seconds after its last word
        scene.values |= {name: human(age) for name, age in zip(("age", "age2", "age3"), ages, strict=True)}

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
        restarts = f"{self.restarts} ({human(self.ago)} ago)" if "r" in more else "0"
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
            rows = [f"    State:{DETAIL}Running", f"      Started:{DETAIL}{self._when(self.ago)}"]
        if last:
            reason, code = last.split(":")
            rows += [f"    Last State:{DETAIL}Terminated", f"      Reason:{DETAIL}{reason}"]
            rows += [f"      Message:{DETAIL}{message}"] if message else []
            rows += [f"      Exit Code:{DETAIL}{code}"]
            started = _NEVER if reason == "StartError" else self._when(self.ago + RUN)
            rows += (
                [f"      Started:{DETAIL}{started}", f"      Finished:{DETAIL}{self._when(self.ago)}"]
                if self.scene.rng.random() < 0.6
                else []
            )
        restarts = self.restarts if last else 0
        rows += [f"    Ready:{DETAIL}{waiting == 'Running'}", f"    Restart Count:{DETAIL}{restarts}"]
        return self._described(rows)

    def running(self, rest: str) -> list[str]:
        """Return a container that runs, with its probe: only the liveness probe may fail of one that is ready."""
        since = self._when(self.ago if self.restarts else self.age - 3)
        rows = [f"    State:{DETAIL}Running", f"      Started:{DETAIL}{since}"] if self.scene.rng.random() < 0.6 else []
        rows += [f"    Ready:{DETAIL}{self.scene['probe'] == 'liveness'}", f"    Restart Count:{DETAIL}{self.restarts}", f"    {rest}"]
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
            told = {"message": f"back-off {_pause(self.restarts)} restarting failed container={name} pod={pod}"}
        status: dict[str, object] = {
            "name": name,
            "image": scene["image"],
            "ready": False,
            "restartCount": self.restarts if last != "-" else 0,
        }
        if last != "-":
            reason, code = last.split(":")
            ended: dict[str, object] = {"exitCode": int(code), "reason": reason, "finishedAt": zulu(stamp(scene, self.ago))}
            status["lastState"] = {"terminated": ended | ({"message": message} if message else {})}
        status["state"] = {"waiting": {"reason": waiting, **told}}
        text = yaml.dump({"containerStatuses": [status]}, Dumper=yaml.CSafeDumper, width=_WRAP, default_flow_style=False)
        return ["status:", *(f"  {_TIME.sub(_QUOTED, line)}" for line in text.rstrip().split("\n"))]

    def written(self, rest: str) -> list[str]:
        """Return what the container wrote."""
        del rest
        return log_lines(self.scene.fill(self.log), self.scene, self.ago)

    def rows(self, rest: str) -> list[str]:
        """Let the events that follow stand without a head, as a search leaves them."""
        del rest
        self.style = "rows"
        return []

    def silent(self, rest: str) -> list[str]:
        """Show nothing: the line tells what the view is, not what it shows."""
        del rest
        return []

    def folded(self, rest: str) -> list[str]:
        """Return `4 message: text` or `2 - message: text` as YAML at that depth, folded and quoted as kubectl does."""
        depth, text = rest.split(" ", 1)
        item = "- " if text.startswith("- ") else ""
        key, value = text.removeprefix(item).split(": ", 1)
        inner = int(depth) + len(item)
        lines = yaml.dump({key: value}, Dumper=yaml.CSafeDumper, width=_WRAP - inner).rstrip().split("\n")
        return [" " * int(depth) + item + lines[0], *(" " * inner + line for line in lines[1:])]

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
        parsed = [self._event(event) for event in events]
        timed = []
        for event, seen in zip(parsed, Timing(self.scene, self.age, self.ago, self.restarts).seen(parsed), strict=True):
            if seen.last > KEPT:
                continue
            age = f"{human(seen.last)} (x{seen.times} over {human(seen.first)})" if seen.times > 1 else human(seen.last)
            shown = "Warning" if event.kind == "W" else "Normal"
            timed.append((seen.last, (shown, event.reason, age, event.source, event.named, event.message)))
        return sorted(timed, key=lambda row: -row[0])

    def _event(self, event: str) -> Event:
        facts, _, message = event[1:].partition(" | ")
        kind, reason, source, *named = facts.split(" ")
        return Event(kind, reason, source, named[0] if named else f"pod/{self.scene['pod']}", message.replace("\n", " "))

    @staticmethod
    def _seen(age: str, style: str) -> str:
        return age if style == "events" else age.split(" ")[0]

    @staticmethod
    def _object(named: str, style: str) -> str:
        """Return the object as it is listed: `kubectl events` writes the kind in full."""
        kind, _, name = named.partition("/")
        return f"{_KINDS[kind]}/{name}" if style == "events" else named


def _apart(lines: Sequence[str]) -> list[str]:
    """Return the lines of a view with an empty one between an object and what was pasted beside it."""
    apart: list[str] = []
    for line in filter(None, lines):
        last = next((one for one in reversed(apart) if not one.startswith(_UNSHOWN)), _BETWEEN)
        planted = line.startswith(_PLANTED) or (last.startswith(_PLANTED) and not line.startswith(_UNSHOWN))
        apart += [*(["+"] if planted and _BETWEEN not in (line, last) else []), line]
    return apart


def _pause(restarts: int) -> str:
    """Return how long a container waits after so many restarts, as Go writes a duration: 40s, 1m20s, 5m0s."""
    minutes, seconds = divmod(pause(restarts), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


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
    "rows": Screen.rows,
    "folded": Screen.folded,
    "seen": Screen.silent,
    "about": Screen.silent,
    "manifest": Screen.object,
}
