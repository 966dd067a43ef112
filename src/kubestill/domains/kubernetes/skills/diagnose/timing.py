"""When events were seen, and how often: ages and counts that fit the pod's age, its restarts, its probes and each other."""

from collections.abc import Sequence
from typing import NamedTuple

from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.schedules import dues
from kubestill.domains.kubernetes.skills.diagnose.values import stamp

RUN = 8  # seconds that a container runs before it crashes: its log fits in
_LATEST = 290  # seconds within which what goes on happened last: the longest back-off is five minutes
_SYNC = 13  # seconds, about, until the kubelet looks at a pod again
_CONTROLLER = 15  # seconds until the controllers of claims and of autoscalers look again
_UNMOUNTED = 123  # seconds after which the kubelet says that it waits for volumes; so long again, and some more, until it repeats that
_REPEATED = 135
KEPT = 3600  # seconds for which the API server keeps an event (--event-ttl): one that comes later is counted anew
_STARTS = ("Pulling", "Pulled", "Created", "Started", "Failed", "Killing", "InspectFailed", "ErrImageNeverPull")
_GENERATED = ("replicaset-controller", "job-controller", "daemonset-controller")  # each pod that they try has a name of its own
_OWN = ("FailedCreatePodSandBox",)  # its message names another sandbox each time
_LATE = ("Evicted", "BackoffLimitExceeded", "DeadlineExceeded", "SuccessfulDelete")  # told once, some time after


class Event(NamedTuple):
    """One event: `W` or `N`, what it is called, who tells it of which object, and what it says."""

    kind: str
    reason: str
    source: str
    named: str
    message: str


class Seen(NamedTuple):
    """Seconds since an event was seen first and last, and how often it was."""

    first: int
    last: int
    times: int


class Timing:
    """The times of one screen: the pod is `age` seconds old, its container was started again `restarts` times, last `ago` before."""

    def __init__(self, scene: Scene, age: int, ago: int, restarts: int) -> None:
        self.scene, self.rng = scene, scene.rng
        self.age, self.ago, self.restarts = age, ago, restarts

    def seen(self, events: Sequence[Event]) -> list[Seen]:
        """Return when each was seen; they are given in the order in which they happened first."""
        reasons = {event.reason for event in events} | {"Pulling" for event in events if event.message.startswith("Failed to pull")}
        again = self._again(reasons)
        late = self._late()
        told = []
        first = self.age + 1
        for event in events:
            first = max(2, first - self.rng.randrange(1, 3))  # one after the other
            if event.reason in _LATE or event.message.startswith("Stopping container"):
                told.append(Seen(late, late, 1))
            else:
                told.append(self._one(event, first, min(again, first), reasons))
        return told

    def _late(self) -> int:
        """Return the seconds since the one event that comes at the end: where the pods of a Job are shown, after the last of them."""
        if "five3" in self.scene.values:
            return self.age - self.rng.randrange(48, 60)
        return self.rng.randrange(3, max(4, min(self.age - 62, 2 * _LATEST)))

    def _again(self, reasons: set[str]) -> int:
        """Return the seconds since a container, or the pull of its image, was last tried again."""
        if self.restarts:
            return self.ago if reasons & {"Unhealthy", "Killing"} else self.ago + RUN
        if reasons & {"Pulling", "BackOff"}:
            return self.rng.randrange(5, max(6, min(self.age // 2, _LATEST)))
        return self.rng.randrange(2, _SYNC)

    def _one(self, event: Event, first: int, again: int, reasons: set[str]) -> Seen:
        if event.reason == "BackOff" or event.message == "Error: ImagePullBackOff":
            least = max(2, self.restarts, first // (2 * _SYNC))
            latest = self.ago if self.restarts else again  # a container that runs backs nothing off
            return Seen(first, self.rng.randrange(1, max(2, min(latest, _SYNC))), self.rng.randrange(least, max(least + 1, first // _SYNC)))
        if event.reason == "FailedToRetrieveImagePullSecret":  # each time that the kubelet looks
            last = self.rng.randrange(1, _SYNC)
            return Seen(first, last, 1 + max(0, first - last) // _SYNC)
        if event.reason == "FailedAttachVolume":  # once, as soon as the pod has a node (reconciler, multiAttachErrorReported)
            return Seen(first, first, 1)
        if event.reason in _STARTS:
            return self._started(event, first, again, reasons)
        if event.reason == "FailedMount":
            return self._mounted(event, first)
        if event.reason == "Unhealthy":
            return self._probed(first)
        if event.source == "cronjob-controller":
            return self._due(event.reason)
        if event.reason in _OWN or (event.reason == "FailedCreate" and event.source in _GENERATED):
            last = self.rng.randrange(3, max(4, min(first, _LATEST)))
            return Seen(last, last, 1)
        return self._repeated(event, first)

    def _started(self, event: Event, first: int, again: int, reasons: set[str]) -> Seen:
        """Return when a start of a container, or a step of it, was tried: with back-off, or each time that the kubelet looks."""
        if event.message.startswith("Successfully pulled"):
            return Seen(again, again, 1)  # it says how long that took: no two are equal
        if self.restarts:
            count, last = (self.restarts, again + 1) if event.reason == "Killing" else (self.restarts + 1, again)
            return Seen(max(first, last), last, count)
        if reasons & {"Pulling", "BackOff"}:
            return Seen(first, again, attempts(first - again))
        tried = bool(reasons & {"Failed", "InspectFailed", "ErrImageNeverPull"})
        return Seen(first, again, 1 + (first - again) // _SYNC) if tried else Seen(first, first, 1)

    def _mounted(self, event: Event, first: int) -> Seen:
        """Return when a volume was tried: the pauses double from half a second to two minutes."""
        if event.message.startswith("Unable to attach"):
            waited = max(2, self.age - _UNMOUNTED)
            return Seen(waited, max(1, waited % _REPEATED), 1 + waited // _REPEATED)
        count, pause, spent = 1, 0.5, 0.0
        while spent + pause <= first - 1:
            count, spent, pause = count + 1, spent + pause, min(2 * pause, 122.0)
        return Seen(first, max(1, int(first - spent)), count)

    def _probed(self, first: int) -> Seen:
        """Return when a probe failed: once a period, or as often as it takes to restart the container so many times."""
        period = int(self.scene["period"])
        if self.restarts:
            return Seen(first, self.ago + 2, self.restarts * failures(self.scene))
        last = self.rng.randrange(1, period + 1)
        return Seen(first, last, 1 + max(0, first - last) // period)

    def _due(self, reason: str) -> Seen:
        """Return when the controller of CronJobs said something: at the times at which the Job was due."""
        now = stamp(self.scene)
        times = dues(self.scene["schedule"], now)
        ages = [int((now - time).total_seconds()) for time, _ in zip(times, range(3), strict=False)]
        if reason == "MissSchedule":
            last = max(1, ages[0] - self.rng.randrange(10, 15))
            return Seen(last, last, 1)
        most = int(self.scene["skipped"]) if reason == "JobAlreadyActive" else self.rng.randrange(1, 4)
        count = 1
        while count < min(most, len(ages)) and ages[count] - ages[count - 1] <= KEPT:
            count += 1
        return Seen(max(1, ages[count - 1]), max(1, ages[0]), count)

    def _repeated(self, event: Event, first: int) -> Seen:
        """Return when anything else was told: by a controller that looks every 15 seconds, by the scheduler, or by whoever warns."""
        rng = self.rng
        if event.source in ("persistentvolume-controller", "horizontal-pod-autoscaler"):
            last = min(rng.randrange(1, _CONTROLLER), first)
            return Seen(first, last, 1 + (first - last) // _CONTROLLER)
        if event.kind == "N" or rng.random() < 0.2:
            return Seen(first, first, 1)
        each = 75 if event.reason == "FailedScheduling" else 30
        count = rng.randrange(2, max(3, min(28, first // each)))
        return Seen(first, rng.randrange(3, max(4, min(first // 2, _LATEST))), count)


def pause(restarts: int) -> int:
    """Return the seconds before a container is started again: they double from 10 to 5 minutes (kubelet, MaxContainerBackOff)."""
    return int(min(10 * 2 ** (restarts - 1), 300))


def backed_off(restarts: int) -> int:
    """Return the seconds that so many restarts take, with a few for each run."""
    return sum(pause(number) + RUN for number in range(1, restarts + 1))


def attempts(seconds: int) -> int:
    """Return how often something was tried in so many seconds, with these pauses."""
    count, spent = 1, pause(1)
    while spent <= seconds:
        count += 1
        spent += pause(count) + 4
    return count


def failures(scene: Scene) -> int:
    """Return how many failures of a probe stop the container."""
    return int(scene.values.get("failures", "3"))
