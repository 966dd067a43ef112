"""The order of keys that people write: identity first, then what matters most; unknown keys after, by alphabet."""

from typing import Any

from kubestill.domains.kubernetes.intents.kinds import MAPS

IDIOM = (
    "apiVersion kind metadata name namespace type provisioner controller handler roleRef apiGroup subjects scaleTargetRef "
    "minReplicas maxReplicas metrics minAvailable maxUnavailable schedule timeZone concurrencyPolicy startingDeadlineSeconds "
    "suspend successfulJobsHistoryLimit failedJobsHistoryLimit jobTemplate serviceName replicas completions parallelism "
    "backoffLimit activeDeadlineSeconds ttlSecondsAfterFinished podManagementPolicy revisionHistoryLimit progressDeadlineSeconds "
    "minReadySeconds podSelector policyTypes ingress egress from to selector matchLabels strategy updateStrategy rollingUpdate "
    "maxSurge template volumeClaimTemplates clusterIP externalName ingressClassName tls rules defaultBackend hosts secretName "
    "host http paths path pathType backend service labels annotations capacity accessModes storageClassName volumeMode volumeName "
    "apiGroups resources resourceNames nonResourceURLs verbs serviceAccountName automountServiceAccountToken hostNetwork hostPID "
    "dnsPolicy priorityClassName runtimeClassName schedulerName restartPolicy terminationGracePeriodSeconds nodeSelector "
    "tolerations securityContext imagePullSecrets initContainers containers volumes image imagePullPolicy command args workingDir "
    "ports port targetPort nodePort containerPort hostPort protocol env envFrom value valueFrom requests limits cpu memory "
    "livenessProbe readinessProbe startupProbe httpGet tcpSocket exec initialDelaySeconds periodSeconds timeoutSeconds "
    "failureThreshold volumeMounts mountPath subPath readOnly storage persistentVolumeReclaimPolicy hostPath nfs server key "
    "operator effect data stringData spec"
).split()
_RANK = {key: place for place, key in enumerate(IDIOM)}
_LAST = len(IDIOM)
# In a container what it runs comes first; a pod's own security context stands before its containers.
_CONTAINER_RANK = {**_RANK, "securityContext": _RANK["subPath"]}


def ordered(value: Any, is_map: bool = False) -> Any:
    """Return the object with its keys in idiomatic order; maps with the user's own keys keep theirs."""
    if isinstance(value, dict):
        rank = _CONTAINER_RANK if "image" in value else _RANK
        keys = list(value) if is_map else sorted(value, key=lambda key: (rank.get(key, _LAST), key if key not in rank else ""))
        return {key: ordered(value[key], key in MAPS and not is_map) for key in keys}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value
