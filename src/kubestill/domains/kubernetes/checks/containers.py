"""Rules about one container: image, ports, environment, security, lifecycle."""

import re
from collections.abc import Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD
from kubestill.domains.kubernetes.checks.rule import ContainerRule, Faults
from kubestill.domains.kubernetes.checks.sources import names_one_of, resource_faults
from kubestill.domains.kubernetes.subject import Container, rows, table

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
# core/validation: validEnvDownwardAPIFieldPathExpressions; labels and annotations only with a key in brackets.
_FIELD_PATHS = frozenset(
    [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ]
)


class Image(ContainerRule):
    """A container runs an image; the name cannot have blanks at its ends."""

    code, remedy = "K8S140", "Add the image, such as nginx:1.27."
    bad = (POD.replace("nginx:1.27", "''"), POD.replace("    image: nginx:1.27\n", ""), POD.replace("nginx:1.27", "' nginx'"))
    good = (POD, POD.replace("nginx:1.27", "registry.example.com:5000/team/web@sha256:" + "0" * 64))

    def faults(self, container: Container) -> Faults:
        """Look at the image."""
        image = container.value.get("image") or ""
        if not image:
            yield "image", "an image is required"
        elif image != image.strip():
            yield "image", f"{image!r} has blanks at its ends"


class Ports(ContainerRule):
    """Ports are 1-65535; names are IANA service names (at most 15 lower-case letters, digits and '-') and unique."""

    code, remedy = "K8S141", "Use a port in 1-65535 and a short lower-case name of its own."
    bad = (
        POD + "    ports:\n    - containerPort: 70000\n",
        POD + "    ports:\n    - {containerPort: 80, name: a-very-long-port-name}\n",
        POD + "    ports:\n    - {containerPort: 80, name: http}\n    - {containerPort: 81, name: http}\n",
        POD + "    ports:\n    - {containerPort: 80, name: '8080'}\n",
    )
    good = (POD + "    ports:\n    - {containerPort: 80, name: http}\n    - {containerPort: 80, name: http-udp, protocol: UDP}\n",)

    def faults(self, container: Container) -> Faults:
        """Look at every port."""
        seen = set()
        for index, port in enumerate(rows(container.value.get("ports"))):
            name, number, host = port.get("name"), port.get("containerPort") or 0, port.get("hostPort")
            if fault := formats.port_number(number):
                yield f"ports[{index}].containerPort", f"{number} {fault}"
            if host and (fault := formats.port_number(host)):
                yield f"ports[{index}].hostPort", f"{host} {fault}"
            if name:
                if fault := formats.port_name(name):
                    yield f"ports[{index}].name", f"{name!r} {fault}"
                elif name in seen:
                    yield f"ports[{index}].name", f"two ports are called {name!r}"
                seen.add(name)


class Env(ContainerRule):
    """An environment variable has a name of printable ASCII, and a value or one source of it, not both."""

    code, remedy = "K8S142", "Keep either value or valueFrom, and one source in valueFrom."
    bad = (
        POD + "    env:\n    - {name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n",
        POD + "    env:\n    - {name: A=B, value: x}\n",
        POD + "    env:\n    - {name: A, valueFrom: {}}\n",
        POD + "    env:\n    - {name: A, valueFrom: {secretKeyRef: {name: s, key: k}, configMapKeyRef: {name: c, key: k}}}\n",
    )
    good = (POD + "    env:\n    - {name: A, value: ''}\n    - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}\n    - name: C\n",)

    def faults(self, container: Container) -> Faults:
        """Look at every variable."""
        for index, one in enumerate(rows(container.value.get("env"))):
            name, source = one.get("name") or "", one.get("valueFrom")
            if fault := formats.env_name(name):
                yield f"env[{index}].name", f"{name!r} {fault}"
            if source is None:
                continue
            given = [key for key in _SOURCES if source.get(key) is not None]
            if one.get("value"):
                yield f"env[{index}].valueFrom", "value and valueFrom exclude each other"
            elif len(given) != 1:
                found = " and ".join(given) or "none"
                yield f"env[{index}].valueFrom", f"found {found}, expected exactly one of {', '.join(_SOURCES)}"


class EnvReferences(ContainerRule):
    """A variable's source names an existing kind of thing: a key of a Secret or ConfigMap, or a field that pods have."""

    code, remedy = "K8S143", "Correct the name, the key or the field path."
    bad = (
        POD + "    env:\n    - {name: A, valueFrom: {fieldRef: {fieldPath: metadata.nam}}}\n",
        POD + "    env:\n    - {name: A, valueFrom: {secretKeyRef: {name: s, key: ''}}}\n",
        POD + "    env:\n    - {name: A, valueFrom: {secretKeyRef: {name: S_1, key: k}}}\n",
        POD + "    envFrom:\n    - {secretRef: {name: a}, configMapRef: {name: b}}\n",
        POD + "    env:\n    - {name: A, valueFrom: {resourceFieldRef: {resource: limits.gpu}}}\n",
        POD + "    env:\n    - {name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}}}\n",
    )
    good = (
        POD + "    env:\n    - {name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}\n"
        "    - {name: B, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}\n    envFrom: [{secretRef: {name: a}}]\n",
    )

    def faults(self, container: Container) -> Faults:
        """Look at every source."""
        for index, one in enumerate(rows(container.value.get("env"))):
            source, path = table(one.get("valueFrom")), f"env[{index}].valueFrom"
            for kind in ("secretKeyRef", "configMapKeyRef"):
                if isinstance(source.get(kind), dict):
                    yield from _key_faults(source[kind], f"{path}.{kind}")
            if isinstance(source.get("fieldRef"), dict):
                yield from _field_faults(source["fieldRef"].get("fieldPath") or "", path)
            if isinstance(source.get("resourceFieldRef"), dict):
                faults = resource_faults(source["resourceFieldRef"], container=False)
                yield from ((f"{path}.resourceFieldRef.{below}", message) for below, message in faults)
        for index, one in enumerate(rows(container.value.get("envFrom"))):
            given = [key for key in ("configMapRef", "secretRef") if one.get(key) is not None]
            if len(given) != 1:
                yield f"envFrom[{index}]", f"found {' and '.join(given) or 'none'}, expected one of configMapRef, secretRef"
            elif not table(one[given[0]]).get("name"):
                yield f"envFrom[{index}].{given[0]}.name", "a name is required"


def _key_faults(source: Mapping[str, Any], path: str) -> Faults:
    name, key = source.get("name") or "", source.get("key") or ""
    if fault := formats.dns_subdomain(name) if name else "":
        yield f"{path}.name", f"{name!r} {fault}"
    elif not name:
        yield f"{path}.name", "a name is required"
    if fault := formats.config_key(key) if key else "a key is required":
        yield f"{path}.key", f"{key!r} {fault}" if key else fault


def _field_faults(field_path: str, path: str) -> Faults:
    if not names_one_of(field_path, _FIELD_PATHS):
        yield f"{path}.fieldRef.fieldPath", f"{field_path!r} is none of {', '.join(sorted(_FIELD_PATHS))}"


class TwiceTheSameEnv(ContainerRule):
    """Of two environment variables with one name the last counts; the first is most likely a mistake."""

    code, remedy, severity = "K8S144", "Keep one of the two.", "warning"
    bad = (POD + "    env:\n    - {name: A, value: one}\n    - {name: A, value: two}\n",)
    good = (POD + "    env:\n    - {name: A, value: one}\n    - {name: B, value: two}\n",)

    def faults(self, container: Container) -> Faults:
        """Compare the names."""
        seen = set()
        for index, one in enumerate(rows(container.value.get("env"))):
            if one.get("name") in seen:
                yield f"env[{index}].name", f"{one.get('name')!r} is set twice"
            seen.add(one.get("name"))


class Privileges(ContainerRule):
    """Privileged containers and those that add SYS_ADMIN can always gain privileges, so they cannot forbid it."""

    code, remedy = "K8S145", "Remove allowPrivilegeEscalation: false, or the privilege."
    bad = (
        POD + "    securityContext: {privileged: true, allowPrivilegeEscalation: false}\n",
        POD + "    securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}\n",
    )
    good = (POD + "    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n",)

    def faults(self, container: Container) -> Faults:
        """Look at the security context."""
        context = table(container.value.get("securityContext"))
        if context.get("allowPrivilegeEscalation") is False:
            added = table(context.get("capabilities")).get("add") or ()
            if context.get("privileged") or "CAP_SYS_ADMIN" in added:
                yield "securityContext.allowPrivilegeEscalation", "cannot be false beside privileged or CAP_SYS_ADMIN"


# The reference grammar of distribution/reference: [domain[:port]/]path[:tag][@digest], lower-case path components.
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


class ImageReference(ContainerRule):
    """No registry can hold an image of this name: the server takes it, and the pod then waits in InvalidImageName for ever."""

    code, remedy, severity = "K8S146", "Write it as registry/path:tag, the path in lower case.", "warning"
    bad = (
        POD.replace("nginx:1.27", "Nginx:1.27"),
        POD.replace("nginx:1.27", "https://example.com/nginx"),
        POD.replace("nginx:1.27", "'nginx:'"),
    )
    good = (POD.replace("nginx:1.27", "example.com:5000/team/web:1.0"), POD.replace("nginx:1.27", "ghcr.io/a/b-c/d__e:V1.2-x"))

    def faults(self, container: Container) -> Faults:
        """Compare the image with the grammar of references."""
        image = container.value.get("image")
        if image and not _REFERENCE.fullmatch(image):
            yield "image", f"{image!r} is no image reference"
