"""Controls that the level restricted adds to baseline: what a hardened pod says of itself.

Each class is one check of k8s.io/pod-security-admission/policy; a comment names its file and the policy versions in it.
"""

from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.policies.confinement import PROFILES, masked
from kubestill.domains.kubernetes.policies.examples import RESTRICTED_CRON_JOB, RESTRICTED_POD, WINDOWS_POD
from kubestill.domains.kubernetes.policies.rule import RestrictedRule, container_contexts, context, contexts, in_user_namespace, items
from kubestill.domains.kubernetes.subject import Pod, table

_VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
_VOLUME = RESTRICTED_POD + "  volumes:\n  - name: data\n    "
_IMAGE = _VOLUME + "image: {reference: 'example.com/data:1.0'}\n"


class VolumeTypes(RestrictedRule):
    """A volume is made by the cluster: configuration, a claim, a CSI driver; never a disk or server that the pod names itself."""

    # check_restrictedVolumes.go, 1.0. Image volumes came with pull request 130394 for 1.33, without a policy version of their
    # own: a server of 1.33 allows them at every version, one of 1.32 at none, so here the cluster's release decides.
    code, remedy = "K8S521", f"Use one of {', '.join(_VOLUMES)} (1.33 and later: image)."
    overrides = ("K8S505",)
    bad = (_VOLUME + "hostPath: {path: /data}\n", _VOLUME + "nfs: {server: nfs.example.com, path: /data}\n")
    good = (_VOLUME + "persistentVolumeClaim: {claimName: data}\n", _VOLUME.rstrip(" "), _IMAGE)
    bad_at = (("1.32", _IMAGE),)
    good_at = (("1.33", _IMAGE),)

    def faults(self, pod: Pod) -> Faults:
        """Look at every volume; one without a source becomes an emptyDir."""
        allowed = (*_VOLUMES, "image") if self.minor >= 33 else _VOLUMES
        for index, volume in enumerate(pod.volumes):
            sources = [name for name, value in volume.items() if name != "name" and value is not None]
            if sources and not any(name in allowed for name in sources):
                yield f"{pod.path}.volumes[{index}].{sources[0]}", f"found {sources[0]}, expected one of {', '.join(allowed)}"


class PrivilegeEscalation(RestrictedRule):
    """No process gains more rights than its parent had: set-user-ID files do nothing in such a container."""

    # check_allowPrivilegeEscalation.go, 1.8; from 1.25 on not asked of Windows pods
    code, remedy, since = "K8S522", "Set allowPrivilegeEscalation: false in the securityContext of every container.", 8
    bad = (
        RESTRICTED_POD.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
        RESTRICTED_CRON_JOB.replace("allowPrivilegeEscalation: false", "runAsNonRoot: true"),
    )
    good = (RESTRICTED_POD, RESTRICTED_CRON_JOB, WINDOWS_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at every container; nothing said means true."""
        if self.exempts(pod):
            return
        for path, one in container_contexts(pod):
            if one.get("allowPrivilegeEscalation") is not False:
                found = "nothing" if one.get("allowPrivilegeEscalation") is None else "true"
                yield f"{path}.allowPrivilegeEscalation", f"found {found}, expected false"


_MAY_BE_ROOT = RESTRICTED_POD.replace("    runAsNonRoot: true\n", "")


class RunAsNonRoot(RestrictedRule):
    """The kubelet refuses to start a container as root: what breaks out of it is then nobody on the node."""

    # check_runAsNonRoot.go, 1.0; from 1.35 on not asked of pods in a user namespace (hostUsers: false)
    code, remedy = "K8S523", "Set runAsNonRoot: true in the pod's securityContext, or in that of every container."
    bad = (
        _MAY_BE_ROOT,
        RESTRICTED_POD + "      runAsNonRoot: false\n",
        _MAY_BE_ROOT.replace("  securityContext:\n    s", "  securityContext:\n    runAsNonRoot: false\n    s")
        + "      runAsNonRoot: true\n",
        _MAY_BE_ROOT + "      runAsUser: 1000\n",
    )
    good = (RESTRICTED_POD, _MAY_BE_ROOT + "      runAsNonRoot: true\n", _MAY_BE_ROOT + "  hostUsers: false\n")
    bad_at = (("1.34", _MAY_BE_ROOT + "  hostUsers: false\n"),)
    good_at = (("1.35", _MAY_BE_ROOT + "  hostUsers: false\n"),)

    def faults(self, pod: Pod) -> Faults:
        """Look for a false anywhere, then for containers that neither they nor the pod speak for."""
        if self.minor >= 35 and in_user_namespace(pod):
            return
        whole = context(pod.spec).get("runAsNonRoot")
        for path, one in contexts(pod):
            if one.get("runAsNonRoot") not in (None, True):
                yield f"{path}.runAsNonRoot", "found false, expected true"
        for path, one in container_contexts(pod):
            if whole is None and one.get("runAsNonRoot") is None:
                yield f"{path}.runAsNonRoot", "found nothing, expected true here or in the pod"


class RunAsUser(RestrictedRule):
    """Neither pod nor container asks for the user 0, which is root."""

    # check_runAsUser.go, 1.23; from 1.35 on not asked of pods in a user namespace (hostUsers: false)
    code, remedy, since = "K8S524", "Set runAsUser to another id such as 1000, or leave it out.", 23
    bad = (RESTRICTED_POD + "      runAsUser: 0\n", RESTRICTED_POD.replace("    runAs", "    runAsUser: 0\n    runAs"))
    good = (RESTRICTED_POD + "      runAsUser: 1000\n", RESTRICTED_POD + "      runAsUser: 0\n  hostUsers: false\n")
    bad_at = (("1.34", RESTRICTED_POD + "      runAsUser: 0\n  hostUsers: false\n"),)
    good_at = (("1.35", RESTRICTED_POD + "      runAsUser: 0\n  hostUsers: false\n"),)

    def faults(self, pod: Pod) -> Faults:
        """Look at pod and containers."""
        if self.minor >= 35 and in_user_namespace(pod):
            return
        for path, one in contexts(pod):
            if one.get("runAsUser") == 0:
                yield f"{path}.runAsUser", "found 0, expected another id or nothing"


_PROFILE = "    seccompProfile:\n      type: RuntimeDefault\n"


class SeccompProfile(RestrictedRule):
    """Every container has a seccomp profile: without one it may make every system call there is."""

    # check_seccompProfile_restricted.go, 1.19; from 1.25 on not asked of Windows pods
    code, remedy, since = "K8S525", "Set seccompProfile.type: RuntimeDefault in the pod's securityContext.", 19
    overrides = ("K8S511",)
    bad = (
        RESTRICTED_POD.replace(_PROFILE, ""),
        RESTRICTED_POD + "      seccompProfile: {type: Unconfined}\n",
        RESTRICTED_POD.replace("RuntimeDefault", "Unconfined"),
    )
    good = (RESTRICTED_POD, RESTRICTED_POD.replace(_PROFILE, "") + "      seccompProfile: {type: RuntimeDefault}\n", WINDOWS_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look for a type that does not confine, then for containers that neither they nor the pod speak for."""
        if self.exempts(pod):
            return
        whole = context(pod.spec).get("seccompProfile")
        for path, one in contexts(pod):
            profile = one.get("seccompProfile")
            if profile is not None and table(profile).get("type") not in PROFILES:
                yield f"{path}.seccompProfile.type", f"found {table(profile).get('type')!r}, expected RuntimeDefault or Localhost"
        for path, one in container_contexts(pod):
            if whole is None and one.get("seccompProfile") is None:
                yield f"{path}.seccompProfile", "found nothing, expected RuntimeDefault or Localhost here or in the pod"


class Capabilities(RestrictedRule):
    """A container drops all capabilities and takes back at most NET_BIND_SERVICE, for ports below 1024."""

    # check_capabilities_restricted.go, 1.22; from 1.25 on not asked of Windows pods. Names are compared as they stand.
    code, remedy, since = "K8S526", "Set capabilities: {drop: [ALL]} in every container; add at most NET_BIND_SERVICE.", 22
    overrides = ("K8S504",)
    bad = (
        RESTRICTED_POD.replace("drop: [ALL]", "drop: [NET_RAW, SYS_ADMIN]"),
        RESTRICTED_POD.replace("      capabilities:\n        drop: [ALL]\n", ""),
        RESTRICTED_POD + "        add: [NET_BIND_SERVICE, CHOWN]\n",
    )
    good = (RESTRICTED_POD + "        add: [NET_BIND_SERVICE]\n", WINDOWS_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at what every container drops and adds."""
        if self.exempts(pod):
            return
        for path, one in container_contexts(pod):
            capabilities = table(one.get("capabilities"))
            if "ALL" not in items(capabilities.get("drop")):
                yield f"{path}.capabilities.drop", "found no ALL, expected [ALL]"
            for index, name in enumerate(items(capabilities.get("add"))):
                if name != "NET_BIND_SERVICE":
                    yield f"{path}.capabilities.add[{index}]", f"found {name!r}, expected at most NET_BIND_SERVICE"


class DefaultProcMount(RestrictedRule):
    """A container sees /proc with the masks of the runtime, in a user namespace too."""

    # check_procMount_restricted.go, 1.35: what baseline asks no more of pods in a user namespace
    code, remedy, since = "K8S527", "Remove procMount, or set it to Default.", 35
    overrides = ("K8S510",)
    bad = (RESTRICTED_POD + "      procMount: Unmasked\n  hostUsers: false\n",)
    good = (RESTRICTED_POD + "      procMount: Default\n  hostUsers: false\n", RESTRICTED_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at every container."""
        yield from masked(pod)
