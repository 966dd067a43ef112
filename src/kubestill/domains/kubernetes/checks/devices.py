"""Rules about claims of devices (dynamic resource allocation) and what offers them.

Source: `pkg/apis/resource/validation`, whose limits are the constants of `resource/v1`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import head
from kubestill.domains.kubernetes.checks.rule import Faults, ObjectRule
from kubestill.domains.kubernetes.subject import View, rows, table

_CLAIM = head("resource.k8s.io/v1", "ResourceClaim") + "spec:\n  devices:\n    requests:\n    - "
_EXACT = "{name: gpu, exactly: {deviceClassName: gpu.example.com}}\n"
_MOST = 32  # resource: DeviceRequestsMaxSize, DeviceConstraintsMaxSize, DeviceSelectorsMaxSize, DeviceConfigMaxSize
_MOST_SUB = 8  # FirstAvailableDeviceRequestMaxSize


def _claims(view: View) -> tuple[Mapping[str, Any], str]:
    """Return what a claim, or a template of claims, asks of devices, and its path."""
    if view.kind == "ResourceClaimTemplate":
        return table(table(view.spec.get("spec")).get("devices")), "spec.spec.devices"
    return table(view.spec.get("devices")), "spec.devices"


def _asked(devices: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every request for devices of one class, with its path."""
    for index, request in enumerate(rows(devices.get("requests"))):
        if isinstance(request.get("exactly"), dict):
            yield f"{path}.requests[{index}].exactly", request["exactly"]
        for place, one in enumerate(rows(request.get("firstAvailable"))):
            yield f"{path}.requests[{index}].firstAvailable[{place}]", one


class _ClaimRule(ObjectRule):
    kinds = frozenset({"ResourceClaim", "ResourceClaimTemplate"})


class DeviceRequests(_ClaimRule):
    """Each request has a name of its own, and asks for devices of one class exactly, or for the first available of several."""

    code, remedy = "K8S255", "Give each request a DNS label as name and either exactly or firstAvailable, with a deviceClassName."
    bad = (
        _CLAIM + "{name: gpu}\n",
        _CLAIM + _EXACT + "    - " + _EXACT,
        _CLAIM + _EXACT.replace("name: gpu,", "name: My_GPU,"),
        _CLAIM + "{name: gpu, exactly: {deviceClassName: ''}}\n",
        _CLAIM + "{name: gpu, exactly: {deviceClassName: a, count: -1}}\n",
        _CLAIM + "{name: gpu, exactly: {deviceClassName: a, allocationMode: All, count: 2}}\n",
    )
    good = (_CLAIM + _EXACT, _CLAIM + "{name: gpu, firstAvailable: [{name: a, deviceClassName: a}, {name: b, deviceClassName: b}]}\n")

    def faults(self, view: View) -> Faults:
        """Look at every request."""
        devices, path = _claims(view)
        requests = rows(devices.get("requests"))
        if len(requests) > _MOST:
            yield f"{path}.requests", f"found {len(requests)}, expected at most {_MOST}"
        yield from _names(requests, f"{path}.requests")
        for index, request in enumerate(requests):
            here, several = f"{path}.requests[{index}]", request.get("firstAvailable") or []
            if (request.get("exactly") is None) == (not several):
                yield here, "exactly one of exactly and firstAvailable is required"
            if len(several) > _MOST_SUB:
                yield f"{here}.firstAvailable", f"found {len(several)}, expected at most {_MOST_SUB}"
            yield from _names(rows(several), f"{here}.firstAvailable")
        for place, one in _asked(devices, path):
            name, count, mode = one.get("deviceClassName") or "", one.get("count"), one.get("allocationMode") or "ExactCount"
            if fault := formats.dns_subdomain(name) if name else "is required":
                yield f"{place}.deviceClassName", f"{name!r} {fault}" if name else "a deviceClassName is required"
            if count and (count < 0 or mode != "ExactCount"):
                yield f"{place}.count", f"found {count}, expected a positive number, with allocationMode ExactCount"


def _names(items: list[Mapping[str, Any]], path: str) -> Faults:
    seen = set()
    for index, item in enumerate(items):
        name = item.get("name") or ""
        if fault := formats.dns_label(name):
            yield f"{path}[{index}].name", f"{name!r} {fault}"
        elif name in seen:
            yield f"{path}[{index}].name", f"two requests are called {name!r}"
        seen.add(name)


class DeviceReferences(_ClaimRule):
    """A constraint or a configuration speaks of requests of the same claim."""

    code, remedy = "K8S256", "Correct the request's name (request, or request/subrequest)."
    bad = (
        _CLAIM + _EXACT + "    constraints: [{requests: [fpga], matchAttribute: example.com/numa}]\n",
        _CLAIM + _EXACT + "    constraints: [{requests: [gpu], matchAttribute: numa}]\n",
        _CLAIM + _EXACT + "    config: [{requests: [fpga], opaque: {driver: example.com, parameters: {}}}]\n",
        _CLAIM + _EXACT + "    config: [{requests: [gpu]}]\n",
    )
    good = (_CLAIM + _EXACT + "    constraints: [{requests: [gpu], matchAttribute: example.com/numa}]\n",)

    def faults(self, view: View) -> Faults:
        """Compare the names."""
        devices, path = _claims(view)
        known = set()
        for request in rows(devices.get("requests")):
            known |= {request.get("name"), *(f"{request.get('name')}/{one.get('name')}" for one in rows(request.get("firstAvailable")))}
        for part in ("constraints", "config"):
            for index, one in enumerate(rows(devices.get(part))):
                here = f"{path}.{part}[{index}]"
                for place, name in enumerate(one.get("requests") or ()):
                    if name not in known:
                        yield f"{here}.requests[{place}]", f"{name!r} is no request of this claim"
                attribute = one.get("matchAttribute")
                if attribute is not None and ("/" not in attribute or formats.dns_subdomain(attribute.partition("/")[0])):
                    yield f"{here}.matchAttribute", f"{attribute!r} is no domain/name"
                if part == "constraints" and attribute is None and one.get("distinctAttribute") is None:
                    yield f"{here}.matchAttribute", "matchAttribute is required"
                if part == "config" and one.get("opaque") is None:
                    yield f"{here}.opaque", "opaque is required"


_CLASS = head("resource.k8s.io/v1", "DeviceClass") + "spec: "


class DeviceSelectors(ObjectRule):
    """Devices are selected by an expression in CEL; a driver's name is a DNS name of at most 63 characters."""

    code, remedy = "K8S257", "Write selectors as [{cel: {expression: ...}}]."
    kinds = frozenset({"DeviceClass", "ResourceClaim", "ResourceClaimTemplate"})
    bad = (
        _CLASS + "{selectors: [{}]}\n",
        _CLASS + "{selectors: [{cel: {expression: ''}}]}\n",
        _CLASS + "{config: [{opaque: {driver: My_Driver, parameters: {}}}]}\n",
    )
    good = (_CLASS + "{selectors: [{cel: {expression: device.driver == 'example.com'}}]}\n",)

    def faults(self, view: View) -> Faults:
        """Look at selectors and configurations."""
        devices, path = (view.spec, "spec") if view.kind == "DeviceClass" else _claims(view)
        holders = [(path, devices)] if view.kind == "DeviceClass" else list(_asked(devices, path))
        for place, holder in holders:
            for index, selector in enumerate(rows(holder.get("selectors"))):
                if not table(selector.get("cel")).get("expression"):
                    yield f"{place}.selectors[{index}].cel", "an expression is required"
        for index, one in enumerate(rows(devices.get("config"))):
            opaque = table(one.get("opaque"))
            if opaque and (fault := formats.driver_name(opaque.get("driver") or "")):
                yield f"{path}.config[{index}].opaque.driver", f"{opaque.get('driver')!r} {fault}"
