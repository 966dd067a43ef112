"""The shape of the arguments of every command: what its usage line says, and what k8s.io/kubectl/pkg/cmd does with it.

Where the two differ the code counts: `kubectl rollout restart deployment` restarts all of them. A test holds the table against
the command tree, and records of what kubectl 1.33.1 said of some thousand commands hold both.
"""

from kubestill.domains.kubernetes.kubectl.shape import ANY, Shape

_NOTHING = Shape()
_IGNORED = Shape(ignores_more=True)
_NAME = Shape(low=1, high=1, names=("NAME",))
_LISTED = Shape("objects", lists=True)
_NAMED = Shape("objects")
_NODES = Shape("objects", default="nodes", types=("nodes",))
# k8s.io/kubectl/pkg/polymorphichelpers: which types each helper has a case for; scale is the subresource of the OpenAPI document.
_ROLLED_OUT = ("deployments", "daemonsets", "statefulsets")
_SCALED = ("deployments", "replicasets", "replicationcontrollers", "statefulsets")
_EXPOSED = ("deployments", "pods", "replicasets", "replicationcontrollers", "services")
_WITH_PODS = ("daemonsets", "deployments", "jobs", "pods", "replicasets", "replicationcontrollers", "services", "statefulsets")
_WITH_TEMPLATE = ("cronjobs", "daemonsets", "deployments", "jobs", "pods", "replicasets", "replicationcontrollers", "statefulsets")
_ROLLOUT = Shape("objects", lists=True, types=_ROLLED_OUT)
_PAUSED = Shape("objects", lists=True, types=("deployments",))
_SCALING = Shape("objects", types=_SCALED)
_REQUEST = Shape("objects", default="certificatesigningrequests", types=("certificatesigningrequests",))

SHAPES: dict[str, Shape] = {
    "": _NOTHING,
    "alpha": _IGNORED,
    "annotate": Shape("objects", changes="annotation"),
    "api-resources": _NOTHING,
    "api-versions": _NOTHING,
    "apply": _NOTHING,
    "apply edit-last-applied": _LISTED,
    "apply set-last-applied": _IGNORED,
    "apply view-last-applied": _NAMED,
    "attach": Shape("objects", default="pods", types=_WITH_PODS),
    "auth": _NOTHING,
    "auth can-i": Shape(low=1, high=2, names=("VERB", "TYPE")),
    "auth reconcile": _NOTHING,
    "auth whoami": _IGNORED,
    "autoscale": _SCALING,
    "certificate": _NOTHING,
    "certificate approve": _REQUEST,
    "certificate deny": _REQUEST,
    "cluster-info": _IGNORED,
    "cluster-info dump": _IGNORED,
    "completion": Shape(low=1, high=1, names=("SHELL",)),
    "config": _NOTHING,
    "config current-context": _IGNORED,
    "config delete-cluster": _NAME,
    "config delete-context": _NAME,
    "config delete-user": _NAME,
    "config get-clusters": _IGNORED,
    "config get-contexts": Shape(high=ANY),
    "config get-users": _IGNORED,
    "config rename-context": Shape(low=2, high=2, names=("CONTEXT_NAME", "NEW_NAME")),
    "config set": Shape(low=2, high=2, names=("PROPERTY_NAME", "PROPERTY_VALUE")),
    "config set-cluster": _NAME,
    "config set-context": Shape(high=1, names=("NAME",)),
    "config set-credentials": _NAME,
    "config unset": Shape(low=1, high=1, names=("PROPERTY_NAME",)),
    "config use-context": Shape(low=1, high=1, names=("CONTEXT_NAME",)),
    "config view": _NOTHING,
    "cordon": _NODES,
    "cp": Shape(low=2, high=2, names=("SOURCE", "DESTINATION")),
    "create": _NOTHING,
    "create clusterrole": _NAME,
    "create clusterrolebinding": _NAME,
    "create configmap": _NAME,
    "create cronjob": _NAME,
    "create deployment": _NAME,
    "create ingress": _NAME,
    "create job": _NAME,
    "create namespace": _NAME,
    "create poddisruptionbudget": _NAME,
    "create priorityclass": _NAME,
    "create quota": _NAME,
    "create role": _NAME,
    "create rolebinding": _NAME,
    "create secret": _NOTHING,
    "create secret docker-registry": _NAME,
    "create secret generic": _NAME,
    "create secret tls": _NAME,
    "create service": _NOTHING,
    "create service clusterip": _NAME,
    "create service externalname": _NAME,
    "create service loadbalancer": _NAME,
    "create service nodeport": _NAME,
    "create serviceaccount": _NAME,
    "create token": Shape(low=1, high=1, names=("SERVICE_ACCOUNT_NAME",)),
    "debug": Shape("objects", default="pods", types=("pods", "nodes")),
    "delete": Shape("objects", all_selects=True),
    "describe": _LISTED,
    "diff": _NOTHING,
    "drain": _NODES,
    "edit": _LISTED,
    "events": _IGNORED,
    "exec": Shape("objects", default="pods", types=_WITH_PODS, command=True),
    "explain": Shape(low=1, high=1, names=("TYPE",)),
    "expose": Shape("objects", types=_EXPOSED),
    "get": _LISTED,
    "help": Shape(high=ANY),
    "kuberc": _NOTHING,
    "kuberc set": _IGNORED,
    "kuberc view": _IGNORED,
    "kustomize": Shape(high=1, names=("DIR",)),
    "label": Shape("objects", changes="label"),
    "logs": Shape(high=2, names=("POD", "CONTAINER"), types=_WITH_PODS),
    "options": _IGNORED,
    "patch": _NAMED,
    "plugin": _NOTHING,
    "plugin list": _IGNORED,
    "port-forward": Shape(low=2, high=ANY, names=("TYPE/NAME", "[LOCAL_PORT:]REMOTE_PORT"), types=_WITH_PODS),
    "proxy": _IGNORED,
    "replace": _IGNORED,
    "rollout": _NOTHING,
    "rollout history": _ROLLOUT,
    "rollout pause": _PAUSED,
    "rollout restart": _ROLLOUT,
    "rollout resume": _PAUSED,
    "rollout status": _ROLLOUT,
    "rollout undo": _ROLLOUT,
    "run": Shape(low=1, high=ANY, names=("NAME",)),
    "scale": _SCALING,
    "set": _NOTHING,
    "set env": Shape("objects", changes="variable", types=_WITH_TEMPLATE),
    "set image": Shape("objects", changes="image", types=_WITH_TEMPLATE),
    "set resources": Shape("objects", types=_WITH_TEMPLATE),
    "set selector": Shape("objects", changes="selector", types=("services",)),
    "set serviceaccount": Shape("objects", changes="account", types=_WITH_TEMPLATE),
    "set subject": Shape("objects", types=("rolebindings", "clusterrolebindings")),
    "taint": Shape("objects", changes="taint", types=("nodes",)),
    "top": _NOTHING,
    "top node": Shape(high=1, names=("NAME",)),
    "top pod": Shape(high=1, names=("NAME",)),
    "uncordon": _NODES,
    "version": _NOTHING,
    "wait": _NAMED,
}
