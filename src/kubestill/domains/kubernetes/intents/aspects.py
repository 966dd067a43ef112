"""The aspects of each kind that a student may note: what the lenses of this room read, as far as people ask for it."""

from kubestill.domains.kubernetes.intents.kinds import KINDS

EVERY = frozenset("name namespace label annotation".split())

POD = frozenset(
    (
        "container.args container.command container.env container.env.configMap container.env.field container.env.secret "
        "container.envFrom.configMap container.envFrom.secret container.image container.imagePullPolicy container.lifecycle.preStop.exec "
        "container.lifecycle.preStop.httpGet.path container.lifecycle.preStop.httpGet.port container.limits.cpu container.limits.gpu "
        "container.limits.memory container.limits.other container.livenessProbe.exec container.livenessProbe.failureThreshold "
        "container.livenessProbe.grpc container.livenessProbe.httpGet container.livenessProbe.httpGet.host "
        "container.livenessProbe.httpGet.scheme container.livenessProbe.initialDelaySeconds container.livenessProbe.periodSeconds "
        "container.livenessProbe.successThreshold container.livenessProbe.tcpSocket container.livenessProbe.timeoutSeconds container.name "
        "container.port container.port.hostPort container.port.name container.port.protocol container.readinessProbe.exec "
        "container.readinessProbe.failureThreshold container.readinessProbe.grpc container.readinessProbe.httpGet "
        "container.readinessProbe.httpGet.scheme container.readinessProbe.initialDelaySeconds container.readinessProbe.periodSeconds "
        "container.readinessProbe.successThreshold container.readinessProbe.tcpSocket container.readinessProbe.timeoutSeconds "
        "container.requests.cpu container.requests.gpu container.requests.memory container.requests.other "
        "container.securityContext.allowPrivilegeEscalation container.securityContext.capabilities.add "
        "container.securityContext.capabilities.drop container.securityContext.privileged "
        "container.securityContext.readOnlyRootFilesystem container.securityContext.runAsGroup container.securityContext.runAsNonRoot "
        "container.securityContext.runAsUser container.securityContext.seccompProfile.localhostProfile "
        "container.securityContext.seccompProfile.type container.securityContext.windowsOptions.runAsUserName container.startupProbe.exec "
        "container.startupProbe.failureThreshold container.startupProbe.grpc "
        "container.startupProbe.httpGet container.startupProbe.initialDelaySeconds "
        "container.startupProbe.periodSeconds container.startupProbe.successThreshold container.startupProbe.tcpSocket "
        "container.startupProbe.timeoutSeconds container.stdin container.terminationMessagePath container.terminationMessagePolicy "
        "container.tty container.workingDir init.command init.image mount.claimTemplate mount.configMap mount.emptyDir "
        "mount.emptyDir.memory mount.emptyDir.sizeLimit mount.hostPath mount.hostPath.type mount.mountPropagation mount.pvc "
        "mount.readOnly mount.secret mount.subPath pod.automountServiceAccountToken pod.dnsConfig.nameservers pod.dnsConfig.searches "
        "pod.dnsPolicy pod.enableServiceLinks pod.hostIPC pod.hostNetwork pod.hostPID pod.hostUsers pod.hostname pod.imagePullSecret "
        "pod.nodeName pod.nodeSelector pod.priority pod.priorityClassName pod.resources.limits pod.resources.requests pod.restartPolicy "
        "pod.runtimeClassName pod.schedulerName pod.securityContext.appArmorProfile.localhostProfile "
        "pod.securityContext.appArmorProfile.type pod.securityContext.fsGroup pod.securityContext.runAsGroup "
        "pod.securityContext.runAsNonRoot pod.securityContext.runAsUser pod.securityContext.seLinuxOptions.level "
        "pod.securityContext.seccompProfile.localhostProfile pod.securityContext.seccompProfile.type "
        "pod.securityContext.supplementalGroups pod.securityContext.supplementalGroupsPolicy "
        "pod.securityContext.windowsOptions.hostProcess pod.securityContext.windowsOptions.runAsUserName pod.serviceAccountName "
        "pod.shareProcessNamespace pod.subdomain pod.terminationGracePeriodSeconds pod.toleration podAnnotation podLabel "
    ).split()
)

_OWN = {
    "ClusterRole": "grant grant.names grant.url",
    "ClusterRoleBinding": "roleRef subject.Group subject.ServiceAccount subject.User",
    "ConfigMap": "data immutable",
    "CronJob": (
        "spec.activeDeadlineSeconds spec.backoffLimit spec.backoffLimitPerIndex spec.completions spec.concurrencyPolicy "
        "spec.failedJobsHistoryLimit spec.jobTemplate.metadata.annotations spec.jobTemplate.metadata.labels spec.maxFailedIndexes "
        "spec.parallelism spec.schedule spec.startingDeadlineSeconds spec.successfulJobsHistoryLimit spec.suspend spec.timeZone "
        "spec.ttlSecondsAfterFinished "
    ),
    "DaemonSet": (
        "spec.minReadySeconds spec.revisionHistoryLimit spec.updateStrategy.rollingUpdate.maxSurge "
        "spec.updateStrategy.rollingUpdate.maxUnavailable spec.updateStrategy.type "
    ),
    "Deployment": (
        "spec.minReadySeconds spec.paused spec.progressDeadlineSeconds spec.replicas spec.revisionHistoryLimit "
        "spec.strategy.rollingUpdate.maxSurge spec.strategy.rollingUpdate.maxUnavailable spec.strategy.type "
    ),
    "HorizontalPodAutoscaler": (
        "metric.utilization metric.value spec.behavior.scaleDown.selectPolicy spec.behavior.scaleDown.stabilizationWindowSeconds "
        "spec.behavior.scaleUp.selectPolicy spec.behavior.scaleUp.stabilizationWindowSeconds spec.maxReplicas spec.minReplicas target "
    ),
    "Ingress": (
        "backend rule rule.pathType spec.defaultBackend.resource.apiGroup spec.defaultBackend.resource.kind "
        "spec.defaultBackend.resource.name spec.ingressClassName tls "
    ),
    "IngressClass": "default.class spec.controller spec.parameters",
    "Job": (
        "spec.activeDeadlineSeconds spec.backoffLimit spec.backoffLimitPerIndex spec.completionMode spec.completions "
        "spec.maxFailedIndexes spec.parallelism spec.suspend spec.ttlSecondsAfterFinished "
    ),
    "LimitRange": "limit",
    "Namespace": "",
    "NetworkPolicy": "allow allow.all deny podSelector podSelector.all",
    "PersistentVolume": (
        "spec.accessModes spec.azureFile.readOnly spec.azureFile.secretName spec.azureFile.shareName spec.capacity.storage "
        "spec.claimRef.apiVersion spec.claimRef.kind spec.claimRef.name spec.claimRef.namespace spec.claimRef.uid spec.csi.driver "
        "spec.csi.fsType spec.csi.nodePublishSecretRef.name spec.csi.nodePublishSecretRef.namespace spec.csi.nodeStageSecretRef.name "
        "spec.csi.nodeStageSecretRef.namespace spec.csi.readOnly spec.csi.volumeAttributes spec.csi.volumeHandle "
        "spec.gcePersistentDisk.fsType spec.gcePersistentDisk.pdName spec.hostPath.path spec.hostPath.type spec.mountOptions "
        "spec.nfs.path spec.nfs.server spec.persistentVolumeReclaimPolicy spec.portworxVolume.volumeID spec.storageClassName "
        "spec.storageos.fsType spec.storageos.volumeName spec.vsphereVolume.fsType spec.vsphereVolume.volumePath "
    ),
    "PersistentVolumeClaim": (
        "spec.accessModes spec.dataSource.apiGroup spec.dataSource.kind spec.dataSource.name spec.resources.limits "
        "spec.resources.requests.storage spec.selector.matchLabels spec.storageClassName spec.volumeAttributesClassName spec.volumeMode "
        "spec.volumeName "
    ),
    "Pod": "",
    "PodDisruptionBudget": "selector spec.maxUnavailable spec.minAvailable spec.unhealthyPodEvictionPolicy",
    "PriorityClass": "description globalDefault preemptionPolicy value",
    "ReplicaSet": "spec.replicas",
    "ReplicationController": "spec.replicas",
    "ResourceQuota": "hard",
    "Role": "grant grant.names",
    "RoleBinding": "roleRef subject.Group subject.ServiceAccount subject.User",
    "RuntimeClass": "handler",
    "Secret": "data immutable type",
    "Service": (
        "port port.appProtocol port.name port.node port.protocol port.target selector spec.clusterIP spec.clusterIP.none spec.externalIPs "
        "spec.externalName spec.externalTrafficPolicy spec.internalTrafficPolicy spec.ipFamilies spec.ipFamilyPolicy spec.loadBalancerIP "
        "spec.publishNotReadyAddresses spec.sessionAffinity spec.sessionAffinityConfig.clientIP.timeoutSeconds spec.type "
    ),
    "ServiceAccount": "automountServiceAccountToken sa.imagePullSecret sa.secret",
    "StatefulSet": (
        "claim.accessModes claim.storage claim.storageClassName spec.minReadySeconds "
        "spec.persistentVolumeClaimRetentionPolicy.whenDeleted spec.persistentVolumeClaimRetentionPolicy.whenScaled "
        "spec.podManagementPolicy spec.replicas spec.revisionHistoryLimit spec.serviceName "
        "spec.updateStrategy.rollingUpdate.maxUnavailable spec.updateStrategy.rollingUpdate.partition spec.updateStrategy.type "
    ),
    "StorageClass": "allowVolumeExpansion default.class mountOptions parameter provisioner reclaimPolicy volumeBindingMode",
}


def aspects_of(kind: str) -> frozenset[str]:
    """Return what may be said of a kind, beside the kind itself; of one without lenses that is what every object has."""
    if kind not in KINDS:
        return EVERY
    own = frozenset(_OWN[kind].split())
    return EVERY | own | POD if KINDS[kind].template is not None else EVERY | own
