"""Sets of objects that belong together, drawn as members: statements and the words that ask for them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.drawing.others import NAMESPACED, SUBRESOURCES, VERBS
from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.phrasing.clause import shield
from kubestill.domains.kubernetes.phrasing.joins import resource_texts
from kubestill.domains.kubernetes.phrasing.schedules import schedule_words
from kubestill.domains.kubernetes.phrasing.singles import spoken
from kubestill.domains.kubernetes.skills.manifest.parts import Speaker

_PLAINLY = 0.5  # share of facts that are said in the words of the plain road


@dataclass(frozen=True, slots=True)
class Member:
    """One object of a set: what it says, in the order in which `text` says it."""

    intents: tuple[Intent, ...]
    text: str


@dataclass
class Scene:
    """A set under composition: who speaks, with which words, and what there is already."""

    speaker: Speaker
    words: Words
    members: list[Member]
    hand: int = 0  # by which amounts are spelt, all of them alike

    def add(self, kind: str, name: str, facts: list[Intent], text: str) -> None:
        """Add an object; kind and name are said first."""
        self.members.append(Member((Intent("kind", (), kind), Intent("name", (), name), *facts), text))

    def named(self, stem: str, *ends: str) -> str:
        """Return a name that goes with a stem."""
        rng = self.words.rng
        return f"{stem}-{rng.choice(ends)}" if rng.random() < 0.6 else self.words.name()

    def said(self, aspect: str, value: Any, *keys: str) -> str:
        """Return a value as people speak it."""
        return spoken(Intent(aspect, keys, value), Random(self.hand))


_CLAUSE = re.compile(r" (that|which) ")  # one is enough: nobody says `a pod that is called x that runs y that has z`


def _fact(scene: Scene, table: str, intent: Intent) -> tuple[Intent, str]:
    if scene.speaker.chance(_PLAINLY) and (text := scene.speaker.clause(intent, "np")):
        return intent, text
    plain = table == "cpu_request"  # whose lines name the unit, as `half a cpu` does
    return intent, scene.speaker.say(f"sets.fact/{table}", v=str(intent.value) if plain else spoken(intent, Random(scene.hand)))


def _workload(scene: Scene, kind: str, *, port: int = 0, replicas: float = 0.6, more: Sequence[tuple[Intent, str]] = ()) -> str:
    """Add a workload of one container; `more` is what the set wants it to say, besides what is drawn; return its name."""
    words, rng, speaker = scene.words, scene.words.rng, scene.speaker
    name, image = words.name(), words.image()
    text = speaker.say(f"sets.head/{kind}", n=name)
    text += " " + speaker.say("sets.running/briefly" if _CLAUSE.search(text) else "sets.running/image", v=image)
    facts = [Intent("container.image", ("",), image)]
    if kind == "CronJob":
        schedule = words.schedule()
        told = schedule_words(schedule, rng)
        facts.append(Intent("spec.schedule", (), schedule))
        text += " " + (speaker.say("sets.running/schedule", v=told) if told else "with " + speaker.say("sets.fact/schedule", v=schedule))
    extra = list[tuple[Intent, str]]()
    if port:
        extra.append(_fact(scene, "port", Intent("container.port", ("",), port)))
    if kind in ("Deployment", "StatefulSet") and rng.random() < replicas:
        extra.append(_fact(scene, "replicas", Intent("spec.replicas", (), rng.randint(2, 8))))
    if rng.random() < 0.2:
        extra.append(_fact(scene, "memory", Intent("container.limits.memory", ("",), words.memory())))
    if rng.random() < 0.12 and not more:
        key, value = words.variable(), words.word()
        extra.append((Intent("container.env", ("", key), value), speaker.say("sets.fact/env", k=key, v=value)))
    rng.shuffle(extra)
    extra += more
    if extra:
        texts = [said for _, said in extra]
        text += (
            (" with " if _CLAUSE.search(text) else speaker.say("sets.ask/with"))
            + ", ".join(texts[:-1])
            + (" and " if len(texts) > 1 else "")
            + texts[-1]
        )
    scene.add(kind, name, [*facts, *(intent for intent, _ in extra)], text)
    return name


def _extend(scene: Scene, *facts: Intent) -> None:
    """Let the workload, which was added first, say more: what another member's words imply of it."""
    first = scene.members[0]
    scene.members[0] = Member((*first.intents, *facts), first.text)


def _service(scene: Scene, workload: str, port: int, headless: bool = False) -> tuple[str, int]:
    words, rng, speaker = scene.words, scene.words.rng, scene.speaker
    outer = port if headless or rng.random() < 0.4 else rng.choice((80, 80, 443, 8080, words.port()))
    own = not headless and rng.random() < 0.4
    name = scene.named(workload, "svc", "service", "lb") if own else workload
    table = "headless" if headless else "own" if own else "same"
    text = speaker.say(f"sets.service/{table}", n=name, p=str(outer))
    facts = [Intent("port", (), outer)]
    if headless:
        facts.append(Intent("spec.clusterIP.none", (), True))
    if outer != port:
        facts.append(Intent("port.target", (str(outer),), port))
        text += " " + speaker.say("sets.service/target", t=str(port))
    if not headless and rng.random() < 0.2:
        kind = rng.choice(("NodePort", "LoadBalancer"))
        facts.append(Intent("spec.type", (), kind))
        text += " " + speaker.say("sets.service/type", v=kind)
    scene.add("Service", name, [*facts, Intent("selector", ("app",), workload)], text)
    return name, outer


def _ingress(scene: Scene, workload: str, service: str, port: int) -> None:
    name, host = scene.named(workload, "ingress", "web", "public"), scene.words.host()
    path = scene.words.url_path() if scene.words.rng.random() < 0.4 else "/"
    text = scene.speaker.say("sets.ingress/np", n=name, h=host, u=path)
    scene.add("Ingress", name, [Intent("rule", (host, path), (service, port))], text)


def _autoscaler(scene: Scene, workload: str) -> None:
    rng = scene.words.rng
    name, low = scene.named(workload, "hpa", "autoscaler"), rng.randint(1, 4)
    high, goal = low + rng.randint(1, 12), rng.choice((50, 60, 70, 75, 80, 85))
    text = scene.speaker.say("sets.hpa/np", n=name, l=str(low), m=str(high), v=str(goal))
    facts = [Intent("spec.minReplicas", (), low), Intent("spec.maxReplicas", (), high), Intent("metric.utilization", ("cpu",), goal)]
    scene.add("HorizontalPodAutoscaler", name, [*facts, Intent("target", (), ("Deployment", workload))], text)


def _budget(scene: Scene, workload: str) -> None:
    name = scene.named(workload, "pdb", "budget")
    facts = [Intent("spec.minAvailable", (), 1), Intent("selector", ("app",), workload)]
    scene.add("PodDisruptionBudget", name, facts, scene.speaker.say("sets.pdb/np", n=name, v="1"))


def _entries(scene: Scene, kind: str) -> tuple[list[Intent], str]:
    words = scene.words
    pairs = {words.variable(): words.secret() if kind == "Secret" else words.text() for _ in range(words.rng.choice((1, 1, 2)))}
    told = [scene.speaker.steadily("sets.fact/data", k=key, v=value) for key, value in pairs.items()]
    return [Intent("data", (key,), value) for key, value in pairs.items()], " and ".join(told)


def _config(scene: Scene, workload: str, kind: str) -> None:
    """Add a ConfigMap or Secret that the workload uses."""
    name, table = scene.named(workload, "config", "env", "settings"), "secret" if kind == "Secret" else "config"
    source = "secret" if kind == "Secret" else "configMap"
    entries, items = _entries(scene, kind)
    manner = scene.words.rng.choice(("env", "mount"))
    path = scene.words.path()
    text = scene.speaker.say(f"sets.{table}/{manner}", n=name, u=path).replace("{items}", items)
    scene.add(kind, name, entries, text)
    used = Intent(f"container.envFrom.{source}", ("",), name) if manner == "env" else Intent(f"mount.{source}", ("", path), name)
    _extend(scene, used)


def _claim(scene: Scene, workload: str) -> None:
    name, path, size = scene.named(workload, "data", "pvc", "storage"), scene.words.path(), scene.words.memory(large=True)
    told = scene.said("spec.resources.requests.storage", size)
    text = scene.speaker.say("sets.claim/mount", n=name, u=path, v=told)
    scene.add("PersistentVolumeClaim", name, [Intent("spec.resources.requests.storage", (), size)], text)
    _extend(scene, Intent("mount.pvc", ("", path), name))


def _account(scene: Scene, workload: str) -> str:
    name = scene.named(workload, "sa", "runner")
    scene.add("ServiceAccount", name, [], scene.speaker.say("sets.account/np", n=name))
    _extend(scene, Intent("pod.serviceAccountName", (), name))
    return name


def _priority(scene: Scene, workload: str) -> None:
    name, value = scene.named(workload, "priority", "critical"), scene.words.rng.choice((1000, 10000, 100000, 500000))
    scene.add("PriorityClass", name, [Intent("value", (), value)], scene.speaker.say("sets.class/priority", n=name, v=str(value)))
    _extend(scene, Intent("pod.priorityClassName", (), name))


def _enumerated(texts: Sequence[str]) -> str:
    return ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + texts[-1]


def _access(scene: Scene, account: str, space: str) -> None:
    """Add a role and its binding to an account; the namespace of the account has to be known to the binding."""
    rng = scene.words.rng
    cluster = rng.random() < 0.35
    role, binding = ("ClusterRole", "ClusterRoleBinding") if cluster else ("Role", "RoleBinding")
    name = scene.named(account, "role", "reader", "access")
    resources = [one for one in rng.sample(NAMESPACED, 5) if one not in SUBRESOURCES][: rng.choice((1, 1, 2))]
    if rng.random() < 0.1:
        resources = [rng.choice(tuple(SUBRESOURCES))]
    verbs = rng.choice(SUBRESOURCES.get(resources[0], VERBS[:-1]))
    told = {"verbs": _enumerated(verbs), "resources": _enumerated(resource_texts(resources, rng))}
    called = {"Role": ("role", "Role"), "ClusterRole": ("cluster role", "clusterrole", "ClusterRole")}[role]
    text = scene.speaker.say("sets.role/np", k=rng.choice(called), n=name, **told)
    here = [] if cluster else [Intent("namespace", (), space)]
    scene.add(role, name, [*here, *(Intent("grant", (one,), verbs) for one in resources)], text)
    tie = scene.named(account, "binding", "rb", "access-binding")
    words_of = {
        "RoleBinding": ("role binding", "rolebinding", "RoleBinding"),
        "ClusterRoleBinding": ("cluster role binding", "ClusterRoleBinding"),
    }
    text = scene.speaker.say("sets.role/binding", k=rng.choice(words_of[binding]), n=tie)
    facts = [*here, Intent("roleRef", (), (role, name)), Intent("subject.ServiceAccount", (), (account, space))]
    scene.add(binding, tie, facts, text)


# --- whole sets ------------------------------------------------------------------------------------------------------


def _web(scene: Scene) -> None:
    """A Deployment and its Service, and perhaps the way in from outside."""
    port = scene.words.port()
    workload = _workload(scene, "Deployment", port=port)
    service, outer = _service(scene, workload, port)
    if scene.words.rng.random() < 0.35:
        _ingress(scene, workload, service, outer)


def _scaled(scene: Scene) -> None:
    """A Deployment whose number of pods is an autoscaler's business: that needs a request, and no fixed count."""
    request = _fact(scene, "cpu_request", Intent("container.requests.cpu", ("",), scene.words.cpu()))
    _autoscaler(scene, _workload(scene, "Deployment", replicas=0.0, more=[request]))


def _guarded(scene: Scene) -> None:
    _budget(scene, _workload(scene, "Deployment", replicas=1.0))


def _stateful(scene: Scene) -> None:
    port = scene.words.port()
    _service(scene, _workload(scene, "StatefulSet", port=port), port, headless=True)


def _configured(scene: Scene) -> None:
    kind = scene.words.rng.choice(("Deployment", "Deployment", "Pod", "Job", "CronJob"))
    _config(scene, _workload(scene, kind), scene.words.rng.choice(("ConfigMap", "ConfigMap", "Secret")))


def _storing(scene: Scene) -> None:
    _claim(scene, _workload(scene, scene.words.rng.choice(("Deployment", "Pod", "Pod", "Job")), replicas=0.0))


def _running_as(scene: Scene) -> None:
    kind = scene.words.rng.choice(("Deployment", "Pod", "CronJob", "Job"))
    _account(scene, _workload(scene, kind))


def _important(scene: Scene) -> None:
    _priority(scene, _workload(scene, scene.words.rng.choice(("Deployment", "Pod", "Job"))))


def _allowed(scene: Scene) -> None:
    """An account, what it may do, and the binding between them."""
    name, space = scene.words.name(), scene.words.namespace()
    text = scene.speaker.say("sets.head/ServiceAccount", n=name) + f" in {scene.words.rng.choice(('namespace', 'the namespace', 'ns'))} "
    scene.add("ServiceAccount", name, [Intent("namespace", (), space)], text + shield(space))
    _access(scene, name, space)


def _space(scene: Scene) -> None:
    """A namespace and what keeps order in it."""
    words, rng, speaker = scene.words, scene.words.rng, scene.speaker
    space = words.name()
    scene.add("Namespace", space, [], speaker.say("sets.head/Namespace", n=space))
    here = Intent("namespace", (), space)
    for what in rng.sample(("quota", "limits", "deny", "account"), rng.choice((1, 2, 2, 3))):
        name = scene.named(space, what, "default", "base") if what != "account" else words.name()
        if what == "quota":
            entries = [
                Intent("hard", (key,), str(rng.randrange(2, 60))) for key in rng.sample(("pods", "services", "secrets", "configmaps"), 2)
            ]
            entries = entries[: rng.choice((1, 2))]
            items = " and ".join(f"{shield(str(one.value))} {one.keys[0]}" for one in entries)
            scene.add("ResourceQuota", name, [here, *entries], speaker.say("sets.space/quota", n=name).replace("{items}", items))
        elif what == "limits":
            kind = rng.choice(("cpu", "memory"))
            limit = Intent("limit", ("Container", "default", kind), words.cpu() if kind == "cpu" else words.memory())
            text = speaker.say("sets.space/limits", n=name, what=kind, v=str(limit.value))
            scene.add("LimitRange", name, [here, limit], text)
        elif what == "deny":
            facts = [here, Intent("podSelector.all", (), True), Intent("deny", ("ingress",), True)]
            scene.add("NetworkPolicy", name, facts, speaker.say("sets.space/deny", n=name))
        else:
            scene.add("ServiceAccount", name, [here], speaker.say("sets.space/account", n=name))


def _stored(scene: Scene) -> None:
    """A storage class and a claim of it, or a volume and the claim that binds to it."""
    words, rng, speaker = scene.words, scene.words.rng, scene.speaker
    size = words.memory(large=True)
    told, claim = scene.said("spec.capacity.storage", size), words.name()
    storage = Intent("spec.resources.requests.storage", (), size)
    if rng.random() < 0.5:
        name, driver = words.name(), f"{words.word()}.csi.{words.host()}"
        text = f"{speaker.say('sets.head/StorageClass', n=name)} with {speaker.say('sets.fact/provisioner', v=driver)}"
        scene.add("StorageClass", name, [Intent("provisioner", (), driver)], text)
        asked = speaker.say("sets.class/storage", n=claim, v=told)
    else:
        volume, path, name = words.name(), words.path(), words.name()
        size_text, path_text = speaker.say("sets.fact/storage", v=told), speaker.say("sets.fact/host_path", v=path)
        text = (
            f"{speaker.say('sets.head/PersistentVolume', n=volume)} with {size_text}, {path_text}, {speaker.say('sets.class/of', c=name)}"
        )
        facts = [Intent("spec.capacity.storage", (), size), Intent("spec.hostPath.path", (), path)]
        scene.add("PersistentVolume", volume, [*facts, Intent("spec.storageClassName", (), name)], text)
        asked = speaker.say("sets.class/volume", n=claim, v=told)
    scene.add("PersistentVolumeClaim", claim, [storage, Intent("spec.storageClassName", (), name)], asked)


SETS: dict[Callable[[Scene], None], float] = {
    _web: 26, _scaled: 7, _guarded: 7, _stateful: 8, _configured: 14, _storing: 10, _running_as: 5, _important: 4, _allowed: 9,
    _space: 9, _stored: 7,
}  # fmt: skip
