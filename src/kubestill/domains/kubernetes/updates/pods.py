"""Rules about what may change in a Pod: little, since its containers run already (ValidatePodUpdate)."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks.examples import POD, head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import rows, table
from kubestill.domains.kubernetes.updates.examples import step
from kubestill.domains.kubernetes.updates.meaning import differences, pull_policy, same
from kubestill.domains.kubernetes.updates.rule import Update, UpdateRule, changed, dig, shown, told

_ROLES = ("containers", "initContainers")
_RECREATE = "Delete the Pod and create it anew (kubectl replace --force), or let a Deployment do that for you."
_GATED = POD + "  schedulingGates: [{name: example.com/quota}]\n"
_GATED_MINOR = 27  # PodSchedulingReadiness is on: gates exist, and gated pods may be steered (KEP-3521, KEP-3838)
_NODE_AFFINITY = "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n"
_ZONE = "        - matchExpressions: [{key: zone, operator: In, values: [a]}%s]\n"
_ARMOR, _MIRROR = "container.apparmor.security.beta.kubernetes.io/", "kubernetes.io/config.mirror"


class PodRule(UpdateRule):
    """A rule about Pods, not about the templates of others."""

    kinds = frozenset({"Pod"})

    def gated(self, update: Update) -> bool:
        """Return whether the old pod waits for a gate to be lifted, so that it was not placed yet."""
        return self.minor >= _GATED_MINOR and bool(rows(dig(update.old, "spec.schedulingGates")))


class PodFields(PodRule):
    """ValidatePodUpdate: pod updates may not change fields other than image, deadline, tolerations and the like."""

    code, remedy = "K8S655", _RECREATE
    bad = (
        step(POD, POD + "    env: [{name: A, value: b}]\n"),
        step(POD, POD + "  restartPolicy: Never\n"),
        step(POD, POD + "  nodeSelector: {disk: ssd}\n"),
        step(POD, POD + "    imagePullPolicy: Always\n"),
        step(POD + "  terminationGracePeriodSeconds: 10\n", POD),
    )
    good = (
        step(POD, POD.replace("1.27", "1.28")),
        step(POD, POD + "    imagePullPolicy: IfNotPresent\n  restartPolicy: Always\n  volumes: []\n"),
        step(POD, POD.replace("nginx:1.27", "nginx")),
        step(_GATED, _GATED + "  nodeSelector: {disk: ssd}\n"),
    )
    bad_at = (("1.26", step(_GATED, _GATED + "  nodeSelector: {disk: ssd}\n")),)

    def faults(self, update: Update) -> Faults:
        """Compare the specs without what another rule looks at."""
        before, after = (self._fixed(update, whole) for whole in (update.was, update.becomes))
        old = dig(update.old, "spec.terminationGracePeriodSeconds")
        if isinstance(old, int) and old < 0 and after.get("terminationGracePeriodSeconds") == 1:
            before.pop("terminationGracePeriodSeconds", None)
            after.pop("terminationGracePeriodSeconds")
        for role in _ROLES:
            if _names(before.get(role)) != _names(after.get(role)):  # another rule's; compared one by one they would all differ
                before.pop(role, None)
                after.pop(role, None)
        yield from told(differences(before, after, "spec"))
        yield from _pull_policies(update)

    def _fixed(self, update: Update, whole: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parts of a spec that never change; containers without image, resources and what follows from the image."""
        free = {"activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers", "resources"}
        if self.gated(update):
            free |= {"nodeSelector"}
        spec = {name: value for name, value in table(whole.get("spec")).items() if name not in free}
        for role in _ROLES:
            if isinstance(spec.get(role), list):
                spec[role] = [_without(one, "image", "imagePullPolicy", "resources") for one in spec[role]]
        if self.gated(update) and isinstance(spec.get("affinity"), dict):
            spec["affinity"] = _without(spec["affinity"], "nodeAffinity")
        return {name: value for name, value in spec.items() if name != "affinity" or value}


def _without(value: Any, *names: str) -> Any:
    return {name: part for name, part in value.items() if name not in names} if isinstance(value, dict) else value


def _names(containers: Any) -> list[Any]:
    return [one.get("name") for one in rows(containers)]


def _pairs(update: Update) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield path, old and new form of every container that both specs have."""
    for role in _ROLES:
        olds, news = (rows(dig(whole, f"spec.{role}")) for whole in (update.old, update.after))
        for index, new in enumerate(news):
            for old in olds:
                if same(new.get("name"), old.get("name")):
                    yield f"spec.{role}[{index}]", old, new


def _pull_policies(update: Update) -> Faults:
    """Compare imagePullPolicy: the server wrote the default of the old image, and apply leaves it where nobody said one."""
    for path, old, new in _pairs(update):
        before = old.get("imagePullPolicy") or pull_policy(old.get("image"))
        removed = old.get("imagePullPolicy") and not update.live
        after = new.get("imagePullPolicy") or (pull_policy(new.get("image")) if removed else before)
        if not same(before, after):
            yield f"{path}.imagePullPolicy", changed(before, after)


class PodContainers(PodRule):
    """ValidateContainerUpdates: pod updates may not add or remove containers, nor rename or reorder them."""

    code, remedy = "K8S656", _RECREATE
    bad = (
        step(POD, POD + "  - name: log\n    image: busybox:1.36\n"),
        step(POD, POD + "  initContainers:\n  - name: log\n    image: busybox:1.36\n"),
        step(POD, POD.replace("- name: web", "- name: app")),
        step(POD, POD.replace("nginx:1.27", "''")),
    )
    good = (step(POD, POD.replace("nginx:1.27", "httpd:2.4")),)

    def faults(self, update: Update) -> Faults:
        """Compare the names in their order, and look for images that were taken away."""
        for role in _ROLES:
            before, after = (_names(dig(whole, f"spec.{role}")) for whole in (update.old, update.after))
            if not same(before, after):
                yield f"spec.{role}", changed(before, after)
        for path, old, new in _pairs(update):
            if old.get("image") and not new.get("image"):
                yield f"{path}.image", changed(old["image"], None)


class PodResources(PodRule):
    """ValidatePodUpdate: resources change through the subresource resize alone (InPlacePodVerticalScaling, on since 1.33)."""

    code = "K8S657"
    remedy = "Since 1.33 patch the subresource (kubectl patch pod NAME --subresource resize); else delete the Pod and create it anew."
    bad = (
        step(POD, POD + "    resources: {requests: {cpu: 100m}}\n"),
        step(POD + "    resources: {limits: {memory: 1Gi}}\n", POD + "    resources: {limits: {memory: 2Gi}}\n"),
    )
    good = (
        step(POD + "    resources: {limits: {cpu: 1, memory: 1Gi}}\n", POD + "    resources: {limits: {cpu: 1000m, memory: 1024Mi}}\n"),
        step(POD + "    resources: {limits: {cpu: 1}}\n", POD + "    resources: {limits: {cpu: 1}, requests: {cpu: 1000m}}\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the amounts of every container, and those of the pod."""
        yield from told(update.changes("spec.resources"))
        for role in _ROLES:
            olds, news = (rows(dig(whole, f"spec.{role}")) for whole in (update.was, update.becomes))
            for index, new in enumerate(news):
                for old in olds:
                    if same(old.get("name"), new.get("name")):
                        yield from told(differences(old.get("resources"), new.get("resources"), f"spec.{role}[{index}].resources"))


class EphemeralContainers(PodRule):
    """ValidatePodUpdate: ephemeral containers come through the subresource ephemeralcontainers alone."""

    code, remedy = "K8S658", "Use kubectl debug, and leave ephemeralContainers out of the manifest."
    bad = (step(POD, POD + "  ephemeralContainers:\n  - name: debug\n    image: busybox:1.36\n"),)
    good = (step(POD, POD + "  ephemeralContainers: []\n"),)

    def faults(self, update: Update) -> Faults:
        """Compare the lists."""
        yield from told(update.changes("spec.ephemeralContainers"))


class Deadline(PodRule):
    """ValidatePodUpdate: activeDeadlineSeconds may be set, then only shrink; it is never taken away."""

    code, remedy = "K8S659", "Keep the old deadline or a shorter one; for a longer one delete the Pod and create it anew."
    bad = (
        step(POD + "  activeDeadlineSeconds: 60\n", POD + "  activeDeadlineSeconds: 90\n"),
        step(POD + "  activeDeadlineSeconds: 60\n", POD),
    )
    good = (
        step(POD, POD + "  activeDeadlineSeconds: 60\n"),
        step(POD + "  activeDeadlineSeconds: 60\n", POD + "  activeDeadlineSeconds: 30\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the seconds."""
        before, after = (dig(whole, "spec.activeDeadlineSeconds") for whole in (update.old, update.after))
        if isinstance(before, int) and (after is None or (isinstance(after, int) and after > before)):
            yield "spec.activeDeadlineSeconds", f"found {shown(after)}, expected at most {before}, as it was"


class Tolerations(PodRule):
    """validateOnlyAddedTolerations: existing tolerations stay, but for their tolerationSeconds; others may be added."""

    code, remedy = "K8S660", f"Keep the old tolerations and add the new ones. {_RECREATE}"
    bad = (
        step(POD + "  tolerations: [{key: a, operator: Exists}]\n", POD),
        step(POD + "  tolerations: [{key: a, operator: Exists}]\n", POD + "  tolerations: [{key: b, operator: Exists}]\n"),
    )
    good = (
        step(POD, POD + "  tolerations: [{key: a, operator: Exists}]\n"),
        step(
            POD + "  tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 9}]\n",
            POD + "  tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 20}]\n",
        ),
    )

    def faults(self, update: Update) -> Faults:
        """Look for every old toleration among the new ones."""
        before, after = (rows(dig(whole, "spec.tolerations")) for whole in (update.was, update.becomes))
        kept = [_without(one, "tolerationSeconds") for one in after]
        for old in before:
            if not any(same(_without(old, "tolerationSeconds"), one) for one in kept):
                yield "spec.tolerations", f"found no {shown(old)}, expected it as before"


class SchedulingGates(PodRule):
    """validateOnlyDeletedSchedulingGates: gates are set when the pod is made, and only taken away afterwards."""

    code, remedy = "K8S661", "Remove the new gate; to gate a pod anew delete it and create it with the gate."
    bad = (step(POD, _GATED),)
    good = (step(_GATED, POD), step(_GATED, _GATED))
    good_at = (("1.26", step(POD, _GATED)),)  # the field is dropped in silence where its feature is off

    def faults(self, update: Update) -> Faults:
        """Look for gates that were not there."""
        if self.minor < _GATED_MINOR:
            return
        before, after = (rows(dig(whole, "spec.schedulingGates")) for whole in (update.old, update.after))
        for index, gate in enumerate(after):
            if not any(same(gate.get("name"), old.get("name")) for old in before):
                yield f"spec.schedulingGates[{index}]", f"found {shown(gate.get('name'))}, expected no gate that is new"


class Placement(PodRule):
    """validateNodeSelectorMutation, validateNodeAffinityMutation: a gated pod's choice of nodes may only become narrower."""

    code, remedy = "K8S662", f"Keep the old terms and add to them. {_RECREATE}"
    bad = (
        step(_GATED + "  nodeSelector: {disk: ssd}\n", _GATED),
        step(_GATED + _NODE_AFFINITY + _ZONE % "", _GATED + _NODE_AFFINITY + _ZONE % "" + _ZONE % ""),
        step(_GATED + _NODE_AFFINITY + _ZONE % "", _GATED + _NODE_AFFINITY + _ZONE.replace("[a]", "[a, b]") % ""),
        step(_GATED + _NODE_AFFINITY + _ZONE % "", _GATED),
    )
    good = (
        step(_GATED + "  nodeSelector: {disk: ssd}\n", _GATED + "  nodeSelector: {disk: ssd, zone: a}\n"),
        step(_GATED + _NODE_AFFINITY + _ZONE % "", _GATED + _NODE_AFFINITY + _ZONE % ", {key: disk, operator: Exists}"),
        step(_GATED, _GATED + _NODE_AFFINITY + _ZONE % ""),
    )

    def faults(self, update: Update) -> Faults:
        """Look for every old condition among the new ones; a pod that is placed already is another rule's."""
        if not self.gated(update):
            return
        before, after = (table(dig(whole, "spec.nodeSelector")) for whole in (update.was, update.becomes))
        for key, value in before.items():
            if not same(after.get(key), value):
                yield field("spec.nodeSelector", key), changed(value, after.get(key))
        path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        olds, news = (rows(dig(whole, path)) for whole in (update.was, update.becomes))
        if olds and len(olds) != len(news):
            yield path, f"found {len(news)} terms, expected {len(olds)} as before: each more would widen the choice"
        for index, (old, new) in enumerate(zip(olds, news, strict=False)):
            for name in ("matchExpressions", "matchFields"):
                had, has = rows(old.get(name)), rows(new.get(name))
                if not same(had, has[: len(had)]) or (has and not any(old.values())):
                    yield f"{path}[{index}].{name}", changed(had, has)


class PodAnnotations(PodRule):
    """ValidatePodSpecificAnnotationUpdates: the AppArmor and mirror pod annotations are neither added, changed nor removed."""

    code, remedy = "K8S663", _RECREATE
    _OLD = head("v1", "Pod") + "  annotations: {%s: %s}\n" + POD.removeprefix(head("v1", "Pod"))
    bad = (
        step(POD, _OLD % (f"{_ARMOR}web", "runtime/default")),
        step(_OLD % (f"{_ARMOR}web", "runtime/default"), _OLD % (f"{_ARMOR}web", "unconfined")),
        step(_OLD % (_MIRROR, "a"), POD),
    )
    good = (step(POD, _OLD % ("example.com/a", "b")), step(_OLD % (_MIRROR, "a"), _OLD % (_MIRROR, "a")))

    def faults(self, update: Update) -> Faults:
        """Compare those that are about how the pod runs."""
        before, after = (table(dig(whole, "metadata.annotations")) for whole in (update.old, update.after))
        for key in sorted(before.keys() | after.keys()):
            if (key.startswith(_ARMOR) or key == _MIRROR) and not same(before.get(key), after.get(key)):
                yield field("metadata.annotations", key), changed(before.get(key), after.get(key))
