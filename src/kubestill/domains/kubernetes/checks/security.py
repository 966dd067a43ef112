"""Rules about security contexts, host namespaces, and what one operating system's pods cannot ask for."""

from collections.abc import Iterator, Mapping
from typing import Any

from kubestill.domains.kubernetes.checks import formats
from kubestill.domains.kubernetes.checks.examples import POD
from kubestill.domains.kubernetes.checks.rule import Faults, PodRule
from kubestill.domains.kubernetes.subject import Pod, rows, table

_MAX_PROFILE = 4095  # core/validation: maxLocalhostProfileLength
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
_WINDOWS = "    securityContext: {windowsOptions: {runAsUserName: ContainerUser}}\n"


def _contexts(pod: Pod) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the security contexts of the pod (first) and of its containers, with their paths."""
    yield f"{pod.path}.securityContext", table(pod.spec.get("securityContext"))
    for one in pod.containers:
        yield f"{one.path}.securityContext", table(one.value.get("securityContext"))


class Profiles(PodRule):
    """A seccomp or AppArmor profile of type Localhost names its file; other types name none."""

    code, remedy = "K8S147", "Give localhostProfile with type Localhost, and only there."
    bad = (
        POD + "    securityContext: {seccompProfile: {type: Localhost}}\n",
        POD + "    securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../a.json}}\n",
        POD + "    securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: a.json}}\n",
        POD + "  securityContext: {appArmorProfile: {type: Localhost}}\n",
        POD + "  securityContext: {appArmorProfile: {type: Localhost, localhostProfile: ' a'}}\n",
    )
    good = (
        POD + "    securityContext: {seccompProfile: {type: Localhost, localhostProfile: profiles/a.json}}\n",
        POD + "  securityContext: {appArmorProfile: {type: RuntimeDefault}, seccompProfile: {type: Unconfined}}\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at both kinds of profile."""
        for path, context in _contexts(pod):
            for name in ("seccompProfile", "appArmorProfile"):
                if isinstance(context.get(name), dict):
                    yield from self._profile(context[name], f"{path}.{name}", name)

    @staticmethod
    def _profile(profile: Mapping[str, Any], path: str, name: str) -> Faults:
        kind, file = profile.get("type"), profile.get("localhostProfile")
        if not kind:
            yield f"{path}.type", "a type is required"
        elif kind != "Localhost":
            if file is not None and (file or name == "appArmorProfile"):
                yield f"{path}.localhostProfile", f"cannot stand beside type {kind}"
        elif not file or not file.strip():
            yield f"{path}.localhostProfile", "type Localhost needs localhostProfile"
        elif name == "seccompProfile" and (fault := formats.relative_path(file)):
            yield f"{path}.localhostProfile", f"{file!r} {fault}"
        elif name == "appArmorProfile" and (file != file.strip() or len(file) > _MAX_PROFILE):
            yield f"{path}.localhostProfile", "has blanks at its ends or is too long"


class HostNamespaces(PodRule):
    """Namespaces exclude each other: a shared process namespace and the host's; a user namespace of one's own and any of the host's."""

    code, remedy = "K8S148", "Keep one of the two fields that the finding names."
    bad = (
        POD + "  shareProcessNamespace: true\n  hostPID: true\n",
        POD + "  hostUsers: false\n  hostPID: true\n",
        POD + "  hostNetwork: true\n  securityContext: {sysctls: [{name: net.core.somaxconn, value: '1024'}]}\n",
        POD + "    securityContext: {procMount: Unmasked}\n",
    )
    good = (POD + "  hostUsers: false\n", POD + "  hostNetwork: true\n  hostPID: true\n")

    def faults(self, pod: Pod) -> Faults:
        """Compare the fields."""
        spec = pod.spec
        if spec.get("shareProcessNamespace") and spec.get("hostPID"):
            yield f"{pod.path}.shareProcessNamespace", "shareProcessNamespace and hostPID exclude each other"
        if spec.get("hostUsers") is False:
            for name in ("hostNetwork", "hostPID", "hostIPC"):
                if spec.get(name):
                    yield f"{pod.path}.{name}", "cannot be true beside hostUsers: false"
            for one in pod.containers:
                if one.value.get("volumeDevices"):
                    yield f"{one.path}.volumeDevices", "cannot stand beside hostUsers: false"
        else:
            for path, context in _contexts(pod):
                if context.get("procMount") == "Unmasked":
                    yield f"{path}.procMount", "Unmasked needs hostUsers: false"
        for index, setting in enumerate(rows(table(spec.get("securityContext")).get("sysctls"))):
            name = (setting.get("name") or "").replace("/", ".")
            if spec.get("hostNetwork") and name.startswith("net."):
                yield f"{pod.path}.securityContext.sysctls[{index}].name", "may not be set beside hostNetwork"
            if spec.get("hostIPC") and name.startswith(_IPC_SYSCTLS):
                yield f"{pod.path}.securityContext.sysctls[{index}].name", "may not be set beside hostIPC"


# core/validation, validateWindows: what a pod whose os is windows cannot have.
_NOT_ON_WINDOWS = ("hostPID", "hostIPC", "hostUsers", "shareProcessNamespace")
_NOT_IN_POD_CONTEXT = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
)
_NOT_IN_CONTEXT = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


class OperatingSystem(PodRule):
    """A pod that says os windows cannot ask for what Linux alone has, nor one that says linux for windowsOptions."""

    code, remedy = "K8S149", "Remove the field, or correct spec.os.name."
    bad = (POD + "    securityContext: {runAsUser: 5}\n  os: {name: windows}\n", POD + _WINDOWS + "  os: {name: linux}\n")
    good = (POD + _WINDOWS + "  os: {name: windows}\n", POD + "    securityContext: {runAsUser: 5}\n  os: {name: linux}\n")

    def faults(self, pod: Pod) -> Faults:
        """Compare the fields with spec.os.name."""
        name = table(pod.spec.get("os")).get("name")
        if name == "linux":
            for path, context in _contexts(pod):
                if context.get("windowsOptions") is not None:
                    yield f"{path}.windowsOptions", "cannot be set where os is linux"
        elif name == "windows":
            for field in _NOT_ON_WINDOWS:
                if pod.spec.get(field) not in (None, False) or (field == "hostUsers" and pod.spec.get(field) is not None):
                    yield f"{pod.path}.{field}", "cannot be set where os is windows"
            for index, (path, context) in enumerate(_contexts(pod)):
                for field in _NOT_IN_CONTEXT if index else _NOT_IN_POD_CONTEXT:
                    if context.get(field) not in (None, []):
                        yield f"{path}.{field}", "cannot be set where os is windows"


class WindowsOptions(PodRule):
    """A host process of Windows needs hostNetwork and runs in every container or in none; a user's name has its form."""

    code, remedy = "K8S159", "Set hostNetwork: true and hostProcess on the pod; correct the name."
    bad = (
        POD + "  securityContext: {windowsOptions: {hostProcess: true}}\n",
        POD + "    securityContext: {windowsOptions: {runAsUserName: ''}}\n",
        POD + "    securityContext: {windowsOptions: {gmsaCredentialSpecName: My_Spec}}\n",
    )
    good = (POD + _WINDOWS, POD + "  hostNetwork: true\n  securityContext: {windowsOptions: {hostProcess: true}}\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at every windowsOptions."""
        whole = table(table(pod.spec.get("securityContext")).get("windowsOptions")).get("hostProcess")
        processes = [whole]
        for path, context in _contexts(pod):
            options, place = table(context.get("windowsOptions")), f"{path}.windowsOptions"
            name, spec = options.get("runAsUserName"), options.get("gmsaCredentialSpecName")
            if spec is not None and (fault := formats.dns_subdomain(spec) if spec else "cannot be empty"):
                yield f"{place}.gmsaCredentialSpecName", f"{spec!r} {fault}"
            if options.get("gmsaCredentialSpec") == "":
                yield f"{place}.gmsaCredentialSpec", "cannot be empty"
            if name is not None and (not name or name.count("\\") > 1 or any(ord(letter) < 32 for letter in name)):
                yield f"{place}.runAsUserName", f"{name!r} is no user name such as DOMAIN\\user"
            if options.get("hostProcess") is not None and not path.startswith(f"{pod.path}.securityContext"):
                processes.append(options["hostProcess"])
                if whole is not None and options["hostProcess"] != whole:
                    yield f"{place}.hostProcess", f"found {options['hostProcess']}, the pod says {whole}"
        if any(processes) and not pod.spec.get("hostNetwork"):
            yield f"{pod.path}.hostNetwork", "must be true for a host process of Windows"
