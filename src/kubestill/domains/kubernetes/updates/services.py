"""Rules about what may change in Services and what belongs to them."""

from typing import Any

from kubestill.domains.kubernetes.checks.examples import SERVICE, head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.subject import table
from kubestill.domains.kubernetes.updates.examples import PORTS, step
from kubestill.domains.kubernetes.updates.meaning import same
from kubestill.domains.kubernetes.updates.rule import FrozenRule, Update, UpdateRule, changed, dig

_WEB = SERVICE + PORTS
_EXTERNAL = head("v1", "Service") + "spec:\n  type: ExternalName\n  externalName: example.com\n"
_BALANCED = _WEB + "  type: LoadBalancer\n"
_HEADLESS = "None"


class ServiceRule(UpdateRule):
    """A rule about Services. What the server chose and the new manifest does not name, it keeps (patchAllocatedValues)."""

    kinds = frozenset({"Service"})


def _type(service: Any) -> Any:
    return dig(service, "spec.type") or "ClusterIP"


def _external(update: Update) -> bool:
    """Return whether the Service is, or becomes, a mere name: then addresses come and go."""
    return "ExternalName" in (_type(update.old), _type(update.after))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _addresses(service: Any, before: list[str]) -> list[str]:
    """Return the addresses; clusterIP stands for them where it alone differs from those `before` (NormalizeClusterIPs)."""
    many, one = _texts(dig(service, "spec.clusterIPs")), _texts([dig(service, "spec.clusterIP")])
    return one if one and (not many or (many == before and many[:1] != one)) else many


class ClusterAddresses(ServiceRule):
    """validateUpgradeDowngradeClusterIPs: a second address may come or go, but none changes, nor does headless."""

    code, remedy = (
        "K8S669",
        "Leave clusterIP out to keep the address; for another delete the Service and create it anew, or use a new name.",
    )
    bad = (
        step(_WEB + "  clusterIP: 10.0.0.7\n", _WEB + "  clusterIP: 10.0.0.8\n"),
        step(_WEB, _WEB + "  clusterIP: None\n"),
        step(_WEB + "  clusterIP: None\n", _WEB + "  clusterIP: 10.0.0.8\n"),
        step(
            _WEB + "  ipFamilyPolicy: RequireDualStack\n  clusterIP: 10.0.0.7\n  clusterIPs: [10.0.0.7, 'fd00::7']\n",
            _WEB + "  ipFamilyPolicy: RequireDualStack\n  clusterIP: 10.0.0.7\n  clusterIPs: [10.0.0.7, 'fd00::8']\n",
        ),
    )
    good = (
        step(_WEB + "  clusterIP: 10.0.0.7\n", _WEB),
        step(_WEB + "  clusterIP: None\n", _WEB),
        step(_WEB + "  clusterIP: 10.0.0.7\n", _EXTERNAL),
        step(_EXTERNAL, _WEB + "  clusterIP: None\n"),
        step(_WEB + "  clusterIP: 10.0.0.7\n", _WEB + "  clusterIP: 10.0.0.7\n  type: NodePort\n"),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the addresses that both name; an old manifest that names none was given one."""
        before = _addresses(update.old, [])
        after = _addresses(update.after, before)
        if _external(update) or not after:
            return
        path = "spec.clusterIPs[{}]" if _texts(dig(update.new.object, "spec.clusterIPs")) else "spec.clusterIP"
        if not before and after[0] == _HEADLESS:
            yield path.format(0), "found 'None', expected the address that the cluster chose: a Service does not become headless"
        for index, (old, new) in enumerate(zip(before, after, strict=False)):
            if old != new:
                yield path.format(index), changed(old, new)


class AddressFamilies(ServiceRule):
    """validateUpgradeDowngradeIPFamilies: a second family may come or go, but the first never changes."""

    code, remedy = "K8S670", "Keep the first family first; for another delete the Service and create it anew."
    bad = (
        step(_WEB + "  ipFamilies: [IPv4]\n", _WEB + "  ipFamilies: [IPv6]\n"),
        step(
            _WEB + "  ipFamilyPolicy: PreferDualStack\n  ipFamilies: [IPv4, IPv6]\n",
            _WEB + "  ipFamilyPolicy: PreferDualStack\n  ipFamilies: [IPv6, IPv4]\n",
        ),
    )
    good = (
        step(_WEB + "  ipFamilies: [IPv4]\n", _WEB + "  ipFamilyPolicy: PreferDualStack\n  ipFamilies: [IPv4, IPv6]\n"),
        step(_WEB + "  ipFamilies: [IPv4]\n", _WEB),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the families that both name."""
        before, after = (_texts(dig(whole, "spec.ipFamilies")) for whole in (update.old, update.after))
        if not _external(update):
            for index, (old, new) in enumerate(zip(before, after, strict=False)):
                if old != new:
                    yield f"spec.ipFamilies[{index}]", changed(old, new)


class LoadBalancerClass(ServiceRule):
    """validateLoadBalancerClassField: the class is set when the type becomes LoadBalancer, and never changes while it is that."""

    code, remedy = "K8S671", "Keep loadBalancerClass, or delete the Service and create it anew; the external address may change."
    bad = (
        step(_BALANCED + "  loadBalancerClass: example.com/a\n", _BALANCED + "  loadBalancerClass: example.com/b\n"),
        step(_BALANCED, _BALANCED + "  loadBalancerClass: example.com/a\n"),
        step(_BALANCED + "  loadBalancerClass: example.com/a\n", _BALANCED),
    )
    good = (
        step(_WEB, _BALANCED + "  loadBalancerClass: example.com/a\n"),
        step(_BALANCED + "  loadBalancerClass: example.com/a\n", _WEB),
    )

    def faults(self, update: Update) -> Faults:
        """Compare the classes of two that are load balancers."""
        before, after = (dig(whole, "spec.loadBalancerClass") or None for whole in (update.old, update.after))
        if _type(update.old) == _type(update.after) == "LoadBalancer" and not same(before, after):
            yield "spec.loadBalancerClass", changed(before, after)


class HealthCheckPort(ServiceRule):
    """validateServiceExternalTrafficFieldsUpdate: healthCheckNodePort is immutable while the Service needs one."""

    code, remedy = "K8S672", "Leave healthCheckNodePort out to keep the port, or delete the Service and create it anew."
    _LOCAL = _BALANCED + "  externalTrafficPolicy: Local\n  healthCheckNodePort: %d\n"
    bad = (step(_LOCAL % 30100, _LOCAL % 30200),)
    good = (step(_LOCAL % 30100, _LOCAL % 30100), step(_LOCAL % 30100, _BALANCED))

    def faults(self, update: Update) -> Faults:
        """Compare the ports that both name."""
        for whole in (update.old, update.after):
            if _type(whole) != "LoadBalancer" or dig(whole, "spec.externalTrafficPolicy") != "Local":
                return
        before, after = (dig(whole, "spec.healthCheckNodePort") for whole in (update.old, update.after))
        if before and after and not same(before, after):
            yield "spec.healthCheckNodePort", changed(before, after)


class AddressType(FrozenRule):
    """ValidateEndpointSliceUpdate: addressType is immutable."""

    code, remedy = "K8S673", "Create another EndpointSlice for the other type of address."
    kinds, fields = frozenset({"EndpointSlice"}), ("addressType",)
    _SLICE = head("discovery.k8s.io/v1", "EndpointSlice")
    bad = (step(_SLICE + "addressType: IPv4\nendpoints: []\n", _SLICE + "addressType: IPv6\nendpoints: []\n"),)
    good = (step(_SLICE + "addressType: IPv4\nendpoints: []\n", _SLICE + "addressType: IPv4\nendpoints: [{addresses: [10.0.0.7]}]\n"),)


class Controller(FrozenRule):
    """ValidateIngressClassUpdate: spec.controller is immutable."""

    code, remedy = "K8S674", "Make an IngressClass with a new name, and move the Ingresses to it."
    kinds, fields = frozenset({"IngressClass"}), ("spec.controller",)
    _CLASS = head("networking.k8s.io/v1", "IngressClass") + "spec:\n  controller: example.com/%s\n"
    bad = (step(_CLASS % "a", _CLASS % "b"),)
    good = (step(_CLASS % "a", _CLASS % "a" + "  parameters: {kind: Settings, name: web, apiGroup: example.com}\n"),)


class AddressRanges(UpdateRule):
    """ValidateServiceCIDRUpdate: the ranges are immutable, but that a second family may be added to a single one."""

    code, remedy, kinds = (
        "K8S675",
        "Make another ServiceCIDR for the new range, and delete this one once it is unused.",
        frozenset({"ServiceCIDR"}),
    )
    _RANGES = head("networking.k8s.io/v1", "ServiceCIDR") + "spec: {cidrs: [%s]}\n"
    bad = (
        step(_RANGES % "10.96.0.0/16", _RANGES % "10.97.0.0/16"),
        step(_RANGES % "10.96.0.0/16, 'fd00::/112'", _RANGES % "10.96.0.0/16"),
    )
    good = (step(_RANGES % "10.96.0.0/16", _RANGES % "10.96.0.0/16, 'fd00::/112'"),)

    def faults(self, update: Update) -> Faults:
        """Compare the lists."""
        before, after = (table(whole.get("spec")).get("cidrs") for whole in (update.was, update.becomes))
        grows = isinstance(before, list) and isinstance(after, list) and (len(before), len(after)) == (1, 2) and same(before, after[:1])
        if not same(before, after) and not grows:
            yield "spec.cidrs", changed(before, after)
