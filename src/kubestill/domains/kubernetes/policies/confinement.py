"""Controls of the level baseline about what confines a container: capabilities, AppArmor, SELinux, /proc, seccomp, sysctls.

Each class is one check of k8s.io/pod-security-admission/policy; a comment names its file and the policy versions in it.
"""

from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, POD, head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.manifests import field
from kubestill.domains.kubernetes.policies.rule import BaselineRule, container_contexts, contexts, in_user_namespace, items
from kubestill.domains.kubernetes.subject import Pod, rows, table

PROFILES = ("RuntimeDefault", "Localhost")  # of seccomp and AppArmor: the types that confine

_CAPABILITIES = """
AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT
""".split()
_CONTEXT = "    securityContext:\n      "
_POD_CONTEXT = "  securityContext:\n    "


class AddedCapabilities(BaselineRule):
    """A container adds no capability beyond those that a runtime gives anyway; NET_RAW counts as beyond."""

    # check_capabilities_baseline.go, 1.0: names are compared as they stand, so neither "chown" nor "CAP_CHOWN" is allowed
    code, remedy = "K8S504", f"Keep to {', '.join(_CAPABILITIES)}."
    bad = (
        POD + _CONTEXT + "capabilities: {add: [NET_ADMIN]}\n",
        POD + _CONTEXT + "capabilities: {add: [CHOWN, NET_RAW]}\n",
        POD + _CONTEXT + "capabilities: {add: [CAP_CHOWN]}\n",
    )
    good = (POD + _CONTEXT + "capabilities: {add: [NET_BIND_SERVICE, CHOWN], drop: [ALL]}\n", POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at what every container adds."""
        for path, context in container_contexts(pod):
            for index, name in enumerate(items(table(context.get("capabilities")).get("add"))):
                if name not in _CAPABILITIES:
                    yield f"{path}.capabilities.add[{index}]", f"found {name!r}, expected none beyond the default set"


_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_ARMORED = head("v1", "Pod") + f"  annotations:\n    {_ARMOR}web: %s\n" + POD.removeprefix(head("v1", "Pod"))


class AppArmor(BaselineRule):
    """A container keeps the runtime's AppArmor profile or names one of the node: never unconfined."""

    # check_appArmorProfile.go, 1.0: the field (known to the API since 1.30) and the older annotation, both in all versions
    code, remedy = "K8S508", "Set the AppArmor profile to RuntimeDefault or Localhost, or leave it out."
    bad = (
        POD + _CONTEXT + "appArmorProfile: {type: Unconfined}\n",
        POD + _POD_CONTEXT + "appArmorProfile: {type: Unconfined}\n",
        _ARMORED % "unconfined",
    )
    good = (
        POD + _CONTEXT + "appArmorProfile: {type: Localhost, localhostProfile: web}\n",
        _ARMORED % "runtime/default",
        _ARMORED % "localhost/web",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at the fields of pod and containers, then at the annotations."""
        for path, context in contexts(pod):
            profile = context.get("appArmorProfile")
            if profile is not None and table(profile).get("type") not in PROFILES:
                yield f"{path}.appArmorProfile.type", f"found {table(profile).get('type')!r}, expected RuntimeDefault or Localhost"
        for key, value in table(pod.metadata.get("annotations")).items():
            if key.startswith(_ARMOR) and value not in ("", None, "runtime/default") and not str(value).startswith("localhost/"):
                yield _annotation(pod, key), f"found {value!r}, expected runtime/default or localhost/NAME"


def _annotation(pod: Pod, key: str) -> str:
    metadata = f"{pod.template}.metadata" if pod.template else "metadata"
    return field(f"{metadata}.annotations", key)


_TYPES = ("container_t", "container_init_t", "container_kvm_t")
_LABEL = _CONTEXT + "seLinuxOptions: "


class SeLinux(BaselineRule):
    """SELinux options may set a level and a type made for containers; a user or role of one's own leaves the confinement."""

    # check_seLinuxOptions.go, 1.0; 1.31 adds container_engine_t
    code, remedy = "K8S509", f"Keep to the types {', '.join(_TYPES)} (1.31 and later: container_engine_t); set no user and no role."
    bad = (
        POD + _LABEL + "{type: spc_t}\n",
        POD + _POD_CONTEXT + "seLinuxOptions: {user: sysadm_u}\n",
        POD + _LABEL + "{role: sysadm_r}\n",
    )
    good = (POD + _LABEL + "{type: container_engine_t, level: 's0:c1,c2'}\n", POD + _LABEL + "{type: '', user: ''}\n")
    bad_at = (("1.30", POD + _LABEL + "{type: container_engine_t}\n"),)
    good_at = (("1.31", POD + _LABEL + "{type: container_engine_t}\n"),)

    def faults(self, pod: Pod) -> Faults:
        """Look at pod and containers."""
        allowed = (*_TYPES, "container_engine_t") if self.minor >= 31 else _TYPES
        for path, context in contexts(pod):
            options = table(context.get("seLinuxOptions"))
            if options.get("type") and options["type"] not in allowed:
                yield f"{path}.seLinuxOptions.type", f"found {options['type']!r}, expected {', '.join(allowed)} or nothing"
            for name in ("user", "role"):
                if options.get(name):
                    yield f"{path}.seLinuxOptions.{name}", f"found {options[name]!r}, expected nothing"


_UNMASKED = _CONTEXT + "procMount: Unmasked\n"


class ProcMount(BaselineRule):
    """A container sees /proc with the masks of the runtime: behind them lies the kernel of the host."""

    # check_procMount_baseline.go, 1.0; from 1.35 on not asked of pods in a user namespace (hostUsers: false)
    code, remedy = "K8S510", "Remove procMount, or set it to Default."
    bad = (POD + _UNMASKED,)
    good = (POD + _CONTEXT + "procMount: Default\n", POD + _UNMASKED + "  hostUsers: false\n")
    bad_at = (("1.34", POD + _UNMASKED + "  hostUsers: false\n"),)
    good_at = (("1.35", POD + _UNMASKED + "  hostUsers: false\n"),)

    def faults(self, pod: Pod) -> Faults:
        """Look at every container."""
        if not (self.minor >= 35 and in_user_namespace(pod)):
            yield from masked(pod)


def masked(pod: Pod) -> Faults:
    """Yield every container whose /proc is not the default one."""
    for path, context in container_contexts(pod):
        if context.get("procMount") not in (None, "Default"):
            yield f"{path}.procMount", f"found {context['procMount']!r}, expected Default or nothing"


_SECCOMP_POD, _SECCOMP = "seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/"


class Seccomp(BaselineRule):
    """A seccomp profile that is set confines: Unconfined would open every system call."""

    # check_seccompProfile_baseline.go, 1.0 (annotations) and 1.19 (the field, and no annotation any more)
    code, remedy = "K8S511", "Set the seccomp profile to RuntimeDefault or Localhost, or leave it out."
    bad = (
        POD + _CONTEXT + "seccompProfile: {type: Unconfined}\n",
        DEPLOYMENT + "      securityContext:\n        seccompProfile: {type: Unconfined}\n",
    )
    good = (POD + _CONTEXT + "seccompProfile: {type: Localhost, localhostProfile: web.json}\n", POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at pod and containers."""
        if self.minor < 19:
            yield from _seccomp_annotations(pod)
            return
        for path, context in contexts(pod):
            profile = context.get("seccompProfile")
            if profile is not None and table(profile).get("type") not in PROFILES:
                yield f"{path}.seccompProfile.type", f"found {table(profile).get('type')!r}, expected RuntimeDefault or Localhost"


def _seccomp_annotations(pod: Pod) -> Faults:
    given = table(pod.metadata.get("annotations"))
    for key in (_SECCOMP_POD, *(f"{_SECCOMP}{container.value.get('name')}" for container in pod.containers)):
        value = given.get(key, "runtime/default")
        if value not in ("runtime/default", "docker/default") and not str(value).startswith("localhost/"):
            yield _annotation(pod, key), f"found {value!r}, expected runtime/default or localhost/NAME"


# By the minor that first allowed them. 1.32: pull request 127489, 1.37: 138389 (both read as discussions, the file itself
# only up to 1.29); the page of the documentation ends at 1.29.
_SYSCTLS = {
    0: """
    kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies
    net.ipv4.ping_group_range
    """,
    27: "net.ipv4.ip_local_reserved_ports",
    29: "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes",
    32: "net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
    37: "net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_notsent_lowat",
}
_SYSCTL = _POD_CONTEXT + "sysctls:\n    - {name: %s, value: '1'}\n"


class Sysctls(BaselineRule):
    """A pod sets only sysctls that are its own and harm no neighbour; the list of those grows with the releases."""

    # check_sysctls.go, 1.0, 1.27, 1.29, 1.32, 1.37
    code, remedy = "K8S512", "Remove the sysctl, or set it on the nodes."
    bad = (POD + _SYSCTL % "kernel.msgmax", POD + _SYSCTL % "net.core.somaxconn")
    good = (POD + _SYSCTL % "net.ipv4.tcp_syncookies", POD + _SYSCTL % "net.ipv4.tcp_rmem")
    bad_at = (
        ("1.26", POD + _SYSCTL % "net.ipv4.ip_local_reserved_ports"),
        ("1.28", POD + _SYSCTL % "net.ipv4.tcp_keepalive_time"),
        ("1.31", POD + _SYSCTL % "net.ipv4.tcp_wmem"),
        ("1.36", POD + _SYSCTL % "net.ipv4.tcp_notsent_lowat"),
    )
    good_at = (
        ("1.27", POD + _SYSCTL % "net.ipv4.ip_local_reserved_ports"),
        ("1.29", POD + _SYSCTL % "net.ipv4.tcp_keepalive_time"),
        ("1.32", POD + _SYSCTL % "net.ipv4.tcp_wmem"),
        ("1.37", POD + _SYSCTL % "net.ipv4.tcp_notsent_lowat"),
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at every sysctl."""
        allowed = [name for minor, names in _SYSCTLS.items() if minor <= self.minor for name in names.split()]
        for index, one in enumerate(rows(table(pod.spec.get("securityContext")).get("sysctls"))):
            if one.get("name") not in allowed:
                path = f"{pod.path}.securityContext.sysctls[{index}].name"
                yield path, f"{one.get('name')!r} is none of the safe ones: {', '.join(allowed)}"
