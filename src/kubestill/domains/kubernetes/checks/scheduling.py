"""Rules about where pods may run and what they share: affinity terms, spread, gates, claims of devices, resources of the pod as a whole."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import DAEMON, DEPLOYMENT, POD
from kubestill.domains.kubernetes.checks.rule import Faults, PodRule
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.subject import Pod, rows, table

_PREFERRED, _REQUIRED = "preferredDuringSchedulingIgnoredDuringExecution", "requiredDuringSchedulingIgnoredDuringExecution"
_NODE = f"  affinity:\n    nodeAffinity:\n      {_REQUIRED}:\n        nodeSelectorTerms:\n        - "
_POD_TERM = f"  affinity:\n    podAffinity:\n      {_REQUIRED}:\n      - topologyKey: zone\n        "
_SPREAD = "  topologySpreadConstraints:\n  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: "


class NodeTerms(PodRule):
    """A node affinity matches labels by values that labels can have, and of a node's fields metadata.name alone, one value at a time."""

    code, remedy = "K8S118", "Use matchFields for metadata.name with In or NotIn and one value; correct the label's value."
    bad = (
        POD + _NODE + "matchFields: [{key: metadata.namespace, operator: In, values: [a]}]\n",
        POD + _NODE + "matchFields: [{key: metadata.name, operator: Exists}]\n",
        POD + _NODE + "matchFields: [{key: metadata.name, operator: In, values: [a, b]}]\n",
        POD + _NODE + "matchExpressions: [{key: disk, operator: In, values: [very fast]}]\n",
    )
    good = (
        POD + _NODE + "matchFields: [{key: metadata.name, operator: In, values: [node-1]}]\n",
        POD + _NODE + "matchExpressions: [{key: disk, operator: In, values: [ssd]}, {key: cpus, operator: Gt, values: ['4']}]\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at every term."""
        node = table(table(pod.spec.get("affinity")).get("nodeAffinity"))
        if not node:
            return
        path = f"{pod.path}.affinity.nodeAffinity"
        required = f"{path}.{_REQUIRED}.nodeSelectorTerms"
        for index, term in enumerate(rows(table(node.get(_REQUIRED)).get("nodeSelectorTerms"))):
            yield from self._fields(term, f"{required}[{index}]")
            for place, one in enumerate(rows(term.get("matchExpressions"))):
                for number, value in enumerate(one.get("values") or ()):
                    if isinstance(value, str) and (fault := formats.label_value(value)):
                        yield f"{required}[{index}].matchExpressions[{place}].values[{number}]", f"{value!r} {fault}"
        for index, one in enumerate(rows(node.get(_PREFERRED))):
            yield from self._fields(table(one.get("preference")), f"{path}.{_PREFERRED}[{index}].preference")

    @staticmethod
    def _fields(term: Mapping[str, Any], path: str) -> Faults:
        for index, one in enumerate(rows(term.get("matchFields"))):
            here, values = f"{path}.matchFields[{index}]", one.get("values") or []
            if one.get("key") != "metadata.name":
                yield f"{here}.key", f"found {one.get('key')!r}, expected metadata.name"
            elif one.get("operator") not in ("In", "NotIn"):
                yield f"{here}.operator", f"found {one.get('operator')!r}, expected In or NotIn"
            elif len(values) != 1:
                yield f"{here}.values", f"found {len(values)} values, expected one"
            elif fault := formats.dns_subdomain(values[0] or ""):
                yield f"{here}.values[0]", f"{values[0]!r} {fault}"


class MatchLabelKeys(PodRule):
    """matchLabelKeys adds the pod's own labels to the labelSelector: it needs one, and repeats none of its keys."""

    code, remedy = "K8S119", "Add a labelSelector, and name each label key once."
    bad = (
        POD + _SPREAD + "DoNotSchedule, matchLabelKeys: [app]}\n",
        POD + _SPREAD + "ScheduleAnyway, minDomains: 2}\n",
        POD + _POD_TERM + "matchLabelKeys: [app]\n",
        POD + _POD_TERM + "labelSelector: {matchLabels: {app: web}}\n        matchLabelKeys: [app]\n",
    )
    good = (
        POD + _SPREAD + "DoNotSchedule, minDomains: 2, matchLabelKeys: [rev], labelSelector: {matchLabels: {app: web}}}\n",
        POD + _POD_TERM + "labelSelector: {matchLabels: {app: web}}\n        mismatchLabelKeys: [tenant]\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at spread constraints and at the terms of pod affinities."""
        for index, one in enumerate(rows(pod.spec.get("topologySpreadConstraints"))):
            path = f"{pod.path}.topologySpreadConstraints[{index}]"
            yield from self._keys(one, path)
            if one.get("minDomains") is not None and one.get("whenUnsatisfiable") != "DoNotSchedule":
                yield f"{path}.minDomains", "needs whenUnsatisfiable: DoNotSchedule"
        for name in ("podAffinity", "podAntiAffinity"):
            rules, path = table(table(pod.spec.get("affinity")).get(name)), f"{pod.path}.affinity.{name}"
            for index, term in enumerate(rows(rules.get(_REQUIRED))):
                yield from self._keys(term, f"{path}.{_REQUIRED}[{index}]")
            for index, one in enumerate(rows(rules.get(_PREFERRED))):
                yield from self._keys(table(one.get("podAffinityTerm")), f"{path}.{_PREFERRED}[{index}].podAffinityTerm")

    @staticmethod
    def _keys(term: Mapping[str, Any], path: str) -> Faults:
        wanted, unwanted = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
        if (wanted or unwanted) and term.get("labelSelector") is None:
            yield f"{path}.{'matchLabelKeys' if wanted else 'mismatchLabelKeys'}", "needs a labelSelector"
            return
        selector = table(term.get("labelSelector"))
        known = {*table(selector.get("matchLabels")), *(one.get("key") for one in rows(selector.get("matchExpressions")))}
        for name, keys in (("matchLabelKeys", wanted), ("mismatchLabelKeys", unwanted)):
            for index, key in enumerate(keys):
                if fault := formats.qualified_name(key or ""):
                    yield f"{path}.{name}[{index}]", f"{key!r} {fault}"
                elif key in known and (name == "matchLabelKeys" or key in wanted):
                    yield f"{path}.{name}[{index}]", f"{key!r} stands in the selector too"
            known |= set(keys)


class Gates(PodRule):
    """A pod that waits at a scheduling gate has no node yet."""

    code, remedy = "K8S108", "Remove nodeName or the gates."
    bad = (POD + "  schedulingGates: [{name: example.com/quota}]\n  nodeName: node-1\n",)
    good = (POD + "  schedulingGates: [{name: example.com/quota}]\n",)

    def faults(self, pod: Pod) -> Faults:
        """Compare the two."""
        if pod.spec.get("schedulingGates") and pod.spec.get("nodeName"):
            yield f"{pod.path}.nodeName", "cannot be set while schedulingGates are"


class Deadline(PodRule):
    """Pods that a controller keeps running have no deadline."""

    code, remedy = "K8S109", "Remove activeDeadlineSeconds, or use a Job."
    bad = (DEPLOYMENT + "      activeDeadlineSeconds: 60\n", DAEMON + "      activeDeadlineSeconds: 60\n")
    good = (POD + "  activeDeadlineSeconds: 60\n", DEPLOYMENT)

    def faults(self, pod: Pod) -> Faults:
        """Look at the template's deadline."""
        if pod.owner not in ("Pod", "PodTemplate", "Job", "CronJob") and pod.spec.get("activeDeadlineSeconds") is not None:
            yield f"{pod.path}.activeDeadlineSeconds", f"is not supported in a {pod.owner}"


class ClaimsKnown(PodRule):
    """A container uses the pod's own claims of devices, by their names."""

    code, remedy = "K8S152", "Add the claim to spec.resourceClaims, or correct its name."
    bad = (POD + "    resources: {claims: [{name: gpu}]}\n",)
    good = (POD + "    resources: {claims: [{name: gpu}]}\n  resourceClaims: [{name: gpu, resourceClaimName: a}]\n",)

    def faults(self, pod: Pod) -> Faults:
        """Compare claims with the pod's list."""
        known = {claim.get("name") for claim in rows(pod.spec.get("resourceClaims"))}
        for container in pod.containers:
            for index, claim in enumerate(rows(table(container.value.get("resources")).get("claims"))):
                if claim.get("name") not in known:
                    path = f"{container.path}.resources.claims[{index}].name"
                    yield path, f"{claim.get('name')!r} is not in spec.resourceClaims"


_WHOLE = "  resources:\n    requests: {cpu: 1}\n    limits: {cpu: 2}\n"


class PodResources(PodRule):
    """Resources of the pod as a whole hold those of its containers: all requests together, and each limit."""

    code, remedy = "K8S153", "Raise spec.resources, or lower what the containers ask for; only cpu, memory and huge pages count there."
    bad = (
        POD + "    resources: {requests: {cpu: 1500m}}\n" + _WHOLE,
        POD + "    resources: {limits: {cpu: 3}, requests: {cpu: 1}}\n" + _WHOLE,
        POD + "  resources: {limits: {ephemeral-storage: 1Gi}}\n",
        POD + "  resources: {limits: {cpu: 1}, requests: {cpu: 2}}\n",
    )
    good = (POD + "    resources: {requests: {cpu: 500m}, limits: {cpu: 2}}\n" + _WHOLE,)

    def faults(self, pod: Pod) -> Faults:
        """Compare the pod with its containers."""
        whole = table(pod.spec.get("resources"))
        limits = table(whole.get("limits"))
        for part in ("requests", "limits"):
            for name, value in table(whole.get(part)).items():
                path, amount = field(f"{pod.path}.resources.{part}", name), formats.amount(value)
                if name not in ("cpu", "memory") and not name.startswith("hugepages-"):
                    yield path, f"{name!r} cannot be asked for by the pod as a whole"
                elif amount is not None and part == "limits":
                    yield from self._limits(pod, name, amount)
                elif amount is not None:
                    limit, together = formats.amount(limits.get(name)), _together(pod, name)
                    if limit is not None and amount > limit:
                        yield path, f"found {value}, more than the limit of {limits[name]}"
                    if together > amount:
                        yield path, f"found {value}, less than the containers' requests together ({float(together):g})"

    @staticmethod
    def _limits(pod: Pod, name: str, limit: Fraction) -> Faults:
        for container in pod.containers:
            value = table(table(container.value.get("resources")).get("limits")).get(name)
            amount = formats.amount(value)
            if amount is not None and amount > limit:
                yield field(f"{container.path}.resources.limits", name), f"found {value}, more than the pod's limit"


def _together(pod: Pod, name: str) -> Fraction:
    """Return what the containers of a pod ask for at most at one time (component-helpers, AggregateContainerRequests)."""
    running, peak = Fraction(0), Fraction(0)
    for role, amount in _requests(pod, name):
        if role == "init":
            peak = max(peak, running + amount)  # beside the sidecars that started before
        elif role == "sidecar":
            running += amount
            peak = max(peak, running)
        else:
            running += amount
    return max(peak, running)


def _requests(pod: Pod, name: str) -> Iterator[tuple[str, Fraction]]:
    for container in pod.containers:
        resources = table(container.value.get("resources"))
        value = table(resources.get("requests")).get(name)
        amount = formats.amount(value if value is not None else table(resources.get("limits")).get(name))
        sidecar = container.value.get("restartPolicy") == "Always"
        role = "main" if container.role != "initContainers" else "sidecar" if sidecar else "init"
        if amount is not None:
            yield role, amount


class Annotated(PodRule):
    """Annotations that Kubernetes itself reads: AppArmor's name a container of the pod, a deletion cost is a whole number."""

    code, remedy = "K8S107", "Name a container of the pod and a profile (runtime/default, localhost/name, unconfined); write a number."
    bad = (
        POD.replace("spec:", "  annotations: {container.apparmor.security.beta.kubernetes.io/api: runtime/default}\nspec:"),
        POD.replace("spec:", "  annotations: {container.apparmor.security.beta.kubernetes.io/web: default}\nspec:"),
        POD.replace("spec:", "  annotations: {controller.kubernetes.io/pod-deletion-cost: low}\nspec:"),
    )
    good = (POD.replace("spec:", "  annotations: {container.apparmor.security.beta.kubernetes.io/web: runtime/default}\nspec:"),)
    _PREFIX, _COST = "container.apparmor.security.beta.kubernetes.io/", "controller.kubernetes.io/pod-deletion-cost"

    def faults(self, pod: Pod) -> Faults:
        """Look at the pod's annotations."""
        path = f"{pod.template}.metadata.annotations" if pod.template else "metadata.annotations"
        for key, value in table(pod.metadata.get("annotations")).items():
            if key == self._COST and not _is_int32(value):
                yield field(path, key), f"found {value!r}, expected a whole number of 32 bits"
            elif key.startswith(self._PREFIX):
                name = key.removeprefix(self._PREFIX)
                if name not in {container.value.get("name") for container in pod.containers}:
                    yield field(path, key), f"no container is called {name!r}"
                elif value and value not in ("runtime/default", "unconfined") and not value.startswith("localhost/"):
                    yield field(path, key), f"{value!r} is no AppArmor profile"


def _is_int32(text: Any) -> bool:
    """Return whether the text is a number as Go's strconv writes it: no plus, no leading zeros."""
    try:
        number = int(text)
    except (TypeError, ValueError):
        return False
    return -(2**31) <= number < 2**31 and str(number) == text
