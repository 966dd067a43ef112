"""What grounded text may say besides the request: the commonest values of each slot, as counted in real manifests.

Counted in ../shared/data/manifests.jsonl.gz (every second valid document): a value stands here when it was among the commonest of its
field and is nobody's own name. Values that a schema or a rule lists are no matter of this file.
"""

_COMMON = "app web main server api data config tmp cache logs default"
VALUES: dict[str, tuple[str, ...]] = {
    slot: tuple(words.split())
    for slot, words in {
        "NAME": "default",
        "LABEL": f"{_COMMON} host nginx init worker scratch storage secrets certs config-volume shared-data cache-volume dshm",
        "OWN_NAMESPACE": "default kube-system",
        "NAMESPACE": "default kube-system monitoring",
        "REFERENCE": f"{_COMMON} host nginx standard scratch storage default-scheduler cluster-admin "
        "admin edit view http https kube-root-ca.crt",
        "PORT_NAME": "http https metrics web grpc tcp udp dns admin health http-metrics client server",
        "PORT": "http https metrics web grpc tcp dns admin health client server",
        "COUNT": "25% 50% 100% 10% 20% 30% 75%",
        "EITHER": "http https metrics",
        "LABEL_VALUE": f"{_COMMON} true false linux windows amd64 arm64 nginx frontend backend database production prod "
        "staging dev test v1 v2 stable",
        "VARIABLE": "PORT POD_NAME POD_NAMESPACE POD_IP NODE_NAME HOST_IP NAMESPACE LOG_LEVEL",
        "IMAGE": "nginx busybox",
        "HOST": "localhost",
        "KEY_NAME": "password username token tls.crt tls.key ca.crt config.yaml key",
        "PATH": "/ /healthz /health /ready /readyz /livez /live /metrics /tmp /data /config /cache /logs /dev/shm "
        "/var/log /var/run /etc/config",
        "LABEL_KEY_NAME": "app app.kubernetes.io/name kubernetes.io/hostname kubernetes.io/os kubernetes.io/arch "
        "topology.kubernetes.io/zone "
        "topology.kubernetes.io/region node-role.kubernetes.io/control-plane node-role.kubernetes.io/master node.kubernetes.io/not-ready "
        "node.kubernetes.io/unreachable kubernetes.io/metadata.name tier component name",
        "VERB": "get list watch create update patch delete deletecollection use bind escalate impersonate approve sign *",
        "API_GROUP": "apps batch networking.k8s.io rbac.authorization.k8s.io storage.k8s.io policy autoscaling coordination.k8s.io "
        "apiextensions.k8s.io admissionregistration.k8s.io events.k8s.io discovery.k8s.io certificates.k8s.io metrics.k8s.io *",
        "API_VERSION": "v1 v1beta1 v1alpha1 v2 apps/v1 batch/v1 networking.k8s.io/v1 rbac.authorization.k8s.io/v1 *",
        "KIND_NAME": "Deployment StatefulSet DaemonSet ReplicaSet Job CronJob Pod Service Role ClusterRole ServiceAccount User Group Node "
        "PersistentVolumeClaim ConfigMap Secret Namespace",
        "FIELD_PATH": "metadata.name metadata.namespace metadata.uid metadata.labels metadata.annotations spec.nodeName "
        "spec.serviceAccountName status.hostIP status.podIP status.podIPs",
        "PROVISIONER": "kubernetes.io/no-provisioner ebs.csi.aws.com pd.csi.storage.gke.io disk.csi.azure.com file.csi.azure.com",
        "CLUSTER_IP": "None",
        "LIMIT_TYPE": "Container Pod PersistentVolumeClaim",
        "MEDIUM": "Memory",
        "PRIORITY_CLASS": "system-node-critical system-cluster-critical",
        "CAPABILITY": "ALL NET_ADMIN NET_BIND_SERVICE NET_RAW SYS_ADMIN SYS_TIME SYS_PTRACE CHOWN SETUID SETGID",
        "ARGUMENT": "sh bash /bin/sh /bin/bash -c -- -m -e -v sleep echo infinity python python3 true false",
        "TEXT": "true false linux Opaque kubernetes.io/tls kubernetes.io/dockerconfigjson kubernetes.io/basic-auth info debug warn error "
        "system:authenticated",
    }.items()
}
# Resources that rules of roles and quotas name; a subresource follows by a rule.
RESOURCES = tuple(
    "pods services deployments configmaps secrets events leases nodes namespaces endpoints persistentvolumeclaims persistentvolumes "
    "ingresses jobs cronjobs statefulsets replicasets daemonsets serviceaccounts networkpolicies roles rolebindings clusterroles "
    "clusterrolebindings horizontalpodautoscalers poddisruptionbudgets storageclasses customresourcedefinitions endpointslices "
    "replicationcontrollers resourcequotas limitranges priorityclasses ingressclasses volumeattachments csinodes csidrivers "
    "mutatingwebhookconfigurations validatingwebhookconfigurations tokenreviews subjectaccessreviews certificatesigningrequests *".split()
)
SUBRESOURCES = tuple("status scale log exec finalizers attach portforward eviction token approval".split())
KEYS: dict[str, tuple[str, ...]] = {
    "LABEL_KEY": tuple(
        "app app.kubernetes.io/name app.kubernetes.io/instance app.kubernetes.io/component app.kubernetes.io/part-of "
        "app.kubernetes.io/version "
        "app.kubernetes.io/managed-by name component tier version role env environment team owner release disktype "
        "kubernetes.io/os kubernetes.io/hostname kubernetes.io/arch "
        "kubernetes.io/metadata.name".split()
    ),
    "ANNOTATION_KEY": tuple("prometheus.io/scrape prometheus.io/port prometheus.io/path description".split()),
    "DATA_KEY": tuple("password username token config.yaml tls.crt tls.key ca.crt .dockerconfigjson".split()),
    "RESOURCE": tuple(
        "cpu memory storage ephemeral-storage pods services configmaps secrets persistentvolumeclaims replicationcontrollers "
        "resourcequotas services.nodeports services.loadbalancers requests.cpu requests.memory requests.storage "
        "requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage "
        "count/deployments.apps count/jobs.batch hugepages-2Mi hugepages-1Gi nvidia.com/gpu".split()
    ),
    "KEY": ("type", "fsType", "parameters"),
}
# What joins a span to the name of another thing of the same application: `⟨1⟩-config`.
SUFFIXES = tuple(
    "config data svc service secret secrets tls pvc pv role binding rolebinding sa hpa pdb ingress policy cm env credentials storage "
    "volume "
    "cache logs tmp http headless account admin reader viewer editor headers init job cron web api db network".split()
)
PREFIXES = ("port", "allow", "deny", "default", "my")
# Whole numbers of four digits and more that nobody has to say: common ports, users, seconds.
NUMBERS = (
    1000,
    1001,
    1024,
    1800,
    2000,
    3000,
    3600,
    5000,
    5432,
    6379,
    7200,
    8000,
    8080,
    8081,
    8443,
    9000,
    9090,
    9443,
    10000,
    65532,
    65534,
    86400,
)
