"""Best practice about what a break-in would find: root, a writable image, tokens, wildcards, secrets. Warnings that fail nothing."""

import re
from typing import Any

from kubestill.domains.kubernetes.checks.examples import DEPLOYMENT, POD, head
from kubestill.domains.kubernetes.checks.rule import Faults
from kubestill.domains.kubernetes.policies.examples import WINDOWS_POD
from kubestill.domains.kubernetes.policies.rule import ObjectPractice, PodPractice, context, in_user_namespace, is_windows, items, lasting
from kubestill.domains.kubernetes.subject import Pod, View, rows

_CONTEXT = "    securityContext:\n      "


class RunsAsRoot(PodPractice):
    """A container of which nothing says that it is not root most likely is: image authors seldom choose another user.

    Unlike the level restricted, a runAsUser above 0 is enough here, and a user namespace too.
    """

    code, remedy = "K8S546", "Set runAsNonRoot: true, or a runAsUser above 0, for the pod or for every container."
    bad = (POD, POD + _CONTEXT + "runAsUser: 0\n", POD + _CONTEXT + "runAsNonRoot: false\n  securityContext: {runAsNonRoot: true}\n")
    good = (
        POD + "  securityContext: {runAsNonRoot: true}\n",
        POD + _CONTEXT + "runAsUser: 1000\n",
        POD + "  hostUsers: false\n",
        WINDOWS_POD,
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at every container: what it says itself goes before what the pod says."""
        if is_windows(pod) or in_user_namespace(pod):
            return
        whole = context(pod.spec)
        for container in pod.containers:
            own = context(container.value)
            never, user = (_first(own.get(name), whole.get(name)) for name in ("runAsNonRoot", "runAsUser"))
            if never is not True and not (isinstance(user, int) and user > 0):
                found = "found runAsUser 0" if user == 0 else "found neither runAsNonRoot: true nor a runAsUser"
                yield f"{container.path}.securityContext", found


def _first(own: Any, whole: Any) -> Any:
    return whole if own is None else own


class WritableRoot(PodPractice):
    """Whoever breaks in can replace programs in a writable root filesystem; most containers write to a few folders only."""

    code, remedy = "K8S547", "Set readOnlyRootFilesystem: true and mount an emptyDir where the program writes."
    bad = (POD, POD + _CONTEXT + "readOnlyRootFilesystem: false\n")
    good = (POD + _CONTEXT + "readOnlyRootFilesystem: true\n", WINDOWS_POD)

    def faults(self, pod: Pod) -> Faults:
        """Look at lasting containers; Windows knows no read-only root."""
        for container in [] if is_windows(pod) else lasting(pod):
            value = context(container.value).get("readOnlyRootFilesystem")
            if value is not True:
                found = "nothing" if value is None else "false"
                yield f"{container.path}.securityContext.readOnlyRootFilesystem", f"found {found}, expected true"


class AccountToken(PodPractice):
    """A pod that never asks the API server has no use for a token, and who breaks in has.

    A pod that names a service account of its own is taken to need it, one that says automountServiceAccountToken to have
    chosen; what is left are the pods that get the default account's token without a word.
    """

    code, remedy = "K8S548", "Set automountServiceAccountToken: false, or name the service account that the pod needs."
    bad = (POD, DEPLOYMENT + "      serviceAccountName: default\n")
    good = (POD + "  automountServiceAccountToken: false\n", DEPLOYMENT + "      serviceAccountName: web\n")

    def faults(self, pod: Pod) -> Faults:
        """Look at the account and at what is said of its token."""
        account = pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount") or "default"
        if account == "default" and pod.spec.get("automountServiceAccountToken") is None:
            yield f"{pod.path}.automountServiceAccountToken", "the token of the default service account is mounted"


_RBAC = "rbac.authorization.k8s.io/v1"
_ROLE = head(_RBAC, "Role") + "rules:\n"


class WildcardRule(ObjectPractice):
    """A '*' in a role grants what nobody thought of: verbs such as escalate, resources that are yet to come."""

    code, remedy = "K8S549", "List the verbs, resources and API groups that are needed."
    kinds = frozenset({"Role", "ClusterRole"})
    bad = (
        _ROLE + "- {apiGroups: [''], resources: [pods], verbs: ['*']}\n",
        head(_RBAC, "ClusterRole") + "rules:\n- {apiGroups: ['*'], resources: ['*'], verbs: [get]}\n",
    )
    good = (
        _ROLE + "- {apiGroups: [''], resources: [pods, pods/log], verbs: [get, list, watch]}\n",
        head(_RBAC, "ClusterRole") + "rules:\n- {nonResourceURLs: ['/healthz/*'], verbs: [get]}\n",
    )

    def faults(self, view: View) -> Faults:
        """Look at every rule."""
        for index, rule in enumerate(rows(view.object.get("rules"))):
            for name in ("apiGroups", "resources", "verbs"):
                if "*" in items(rule.get(name)):
                    yield f"rules[{index}].{name}", "found '*', expected names"


# The last words of names whose value is the secret itself: SECRET_NAME, TOKEN_FILE and AWS_ACCESS_KEY_ID are none.
_SECRET_NAMES = re.compile(
    r"(?i)(?:password|passwd|passphrase|[_.-]pwd)$"
    r"|(?:^|[_.-])(?:pass|secret|token|credentials?|(?:api|secret|access|private|encryption)[_.-]?key)$"
)
_HARMLESS = ("true", "false", "yes", "no", "1", "0")  # MYSQL_ALLOW_EMPTY_PASSWORD
_ENV = "    env:\n    - "


class SecretInEnv(PodPractice):
    """A secret written into a manifest is read by everyone who reads the repository, the object, or `kubectl describe`."""

    code, remedy = "K8S550", "Put the value into a Secret and refer to it by valueFrom.secretKeyRef."
    bad = (
        POD + _ENV + "{name: DB_PASSWORD, value: hunter2}\n",
        POD + _ENV + "{name: API_KEY, value: 0123456789abcdef}\n",
        DEPLOYMENT + "        env:\n        - {name: GITHUB_TOKEN, value: abc}\n",
    )
    good = (
        POD + _ENV + "{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}\n",
        POD + _ENV + "{name: TOKEN_FILE, value: /run/token}\n    - {name: SECRET_NAME, value: web}\n",
        POD + _ENV + "{name: ALLOW_EMPTY_PASSWORD, value: 'yes'}\n    - {name: TOKEN, value: $(OTHER)}\n",
    )

    def faults(self, pod: Pod) -> Faults:
        """Look at variables of every container with a literal value: no path, no reference, no flag."""
        for container in pod.containers:
            for index, one in enumerate(rows(container.value.get("env"))):
                name, value = str(one.get("name")), one.get("value")
                if value and _SECRET_NAMES.search(name) and _literal(str(value)):
                    yield f"{container.path}.env[{index}].value", f"{name} looks like a secret and stands here as plain text"


def _literal(value: str) -> bool:
    return not value.startswith("/") and "$(" not in value and value.lower() not in _HARMLESS
