"""What is mended, letter for letter, and what is left because it is not certain."""

import json

import pytest

from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.definitions import custom_kinds
from kubestill.domains.kubernetes.fixes import mend
from kubestill.domains.kubernetes.manifests import read
from kubestill.domains.kubernetes.schema import Schemas

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx:1.27\n"
DEPLOYMENT = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels:\n      app: web\n"
    "  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n      - name: web\n"
    "        image: nginx:1.27\n"
)
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: ClusterIP\n  ports:\n  - port: 80\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a: b\n"
BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: web\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n"
    "  kind: Role\n  name: web\nsubjects:\n- kind: User\n  name: eve\n  apiGroup: rbac.authorization.k8s.io\n"
)
BUDGET = (
    "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\nspec:\n  minAvailable: 1\n"
    "  selector: {matchLabels: {app: web}}\n"
)
CRON = (
    "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: web\nspec:\n  schedule: '@daily'\n  jobTemplate:\n    spec:\n      template:\n"
    "        spec:\n          restartPolicy: Never\n          containers:\n          - {name: web, image: nginx}\n"
)
INGRESS = (
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\nspec:\n  rules:\n  - http:\n      paths:\n      - path: /\n"
    "        pathType: Prefix\n        backend: {service: {name: web, port: {number: 80}}}\n"
)
PORT, ENV = "    ports:\n    - containerPort: 80\n", "    env:\n    - name: A\n      value: '1'\n"
PROBE = "    livenessProbe:\n      httpGet: {path: /, port: 80}\n"
LIMITS = "    resources:\n      limits:\n        memory: %s\n        cpu: 500m\n"

# A sound manifest, what stands in it, and the fault in its place that a mend must undo, letter for letter.
UNDONE = {
    "two letters swapped": (DEPLOYMENT.replace("spec:\n  sel", "spec:\n  replicas: 3 # three\n  sel"), "replicas: 3", "replcias: 3"),
    "one letter lost": (POD + PORT, "containerPort", "containrPort"),
    "a plural": (POD + PORT, "    ports:", "    port:"),
    "lower case": (POD + PORT, "containerPort", "containerport"),
    "snake case": (POD + "    imagePullPolicy: Always\n", "imagePullPolicy", "image_pull_policy"),
    "kebab case": (POD + "    imagePullPolicy: Always\n", "imagePullPolicy", "image-pull-policy"),
    "capital": (POD + PORT, "metadata", "Metadata"),
    "quoted key": (POD + '    "imagePullPolicy": Always\n', '"imagePullPolicy"', '"imagepullpolicy"'),
    "a misspelt list of objects": (POD + PORT, "  containers:", "  contaners:"),
    "a misspelt list, and faults in it": (POD + PORT, "  containers:\n  - name: web", "  contaners:\n  - Name: web"),
    "kind misspelt at the top": (POD, "kind: Pod", "Kind: Pod"),
    "apiVersion misspelt at the top": (POD, "apiVersion: v1", "apiversion: v1"),
    "case of a policy": (POD + "    imagePullPolicy: Always\n", "Always", "always"),
    "case of a protocol": (POD + PORT + "      protocol: TCP\n", "TCP", "tcp"),
    "case of a type": (SERVICE, "ClusterIP", "clusterip"),
    "case in quotes": (SERVICE.replace("ClusterIP", "'ClusterIP'"), "'ClusterIP'", "'clusterIP'"),
    "hyphens in a word": (POD + "    imagePullPolicy: IfNotPresent\n", "IfNotPresent", "if-not-present"),
    "case in a list": (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec:\n  accessModes: [ReadWriteOnce]\n"
        "  resources: {requests: {storage: 1Gi}}\n",
        "ReadWriteOnce",
        "readWriteOnce",
    ),
    "case of a path type": (INGRESS, "Prefix", "prefix"),
    "case of a role's kind": (BINDING, "kind: Role\n", "kind: role\n"),
    "case of a subject's kind": (BINDING, "kind: User", "kind: user"),
    "case of a kind": (SERVICE, "kind: Service", "kind: service"),
    "plural of a kind": (DEPLOYMENT, "kind: Deployment", "kind: Deployments"),
    "number in an env": (POD + ENV.replace("'", '"'), '"1"', "1"),
    "boolean in an env": (POD + ENV.replace("'1'", '"yes"'), '"yes"', "yes"),
    "a version keeps its zero": (
        DEPLOYMENT.replace("    app: web\n    spec", '    app: web\n        v: "1.10"\n    spec'),
        '"1.10"',
        "1.10",
    ),
    "octal keeps its zero": (CONFIG + '  mode: "0644" # file\n', '"0644"', "0644"),
    "argument": (POD + '    args: [serve, "8080"]\n', '"8080"', "8080"),
    "annotation": (CONFIG.replace("web\n", 'web\n  annotations: {example.com/on: "true"}\n'), '"true"', "true"),
    "label": (CONFIG.replace("web\n", 'web\n  labels:\n    on: "true"\n'), '"true"', "true"),
    "quoted integer": (POD + PORT, "containerPort: 80", 'containerPort: "80"'),
    "quoted boolean": (POD + "    tty: true\n", "true", "'true'"),
    "quoted port of a service": (SERVICE + "    targetPort: 8080\n", "8080", '"8080"'),
    "quoted port of a probe": (POD + PROBE, "port: 80", "port: '80'"),
    "mebibytes": (POD + LIMITS % "512Mi", "512Mi", "512MiB"),
    "small binary unit": (POD + LIMITS % "100Mi", "100Mi", "100mi"),
    "half spelt": (POD + LIMITS % "0.5Gi", "0.5Gi", "0.5Gib"),
    "a blank before a unit": (POD + LIMITS % "1Gi", "1Gi", "1 Gi"),
    "a blank before milli": (POD + LIMITS % "1Gi", "500m", "500 m"),
    "a blank in a percentage": (DEPLOYMENT + "  strategy: {rollingUpdate: {maxSurge: 25%}}\n", "25%", "25 %"),
    "old Deployment": (DEPLOYMENT, "apps/v1", "apps/v1beta2"),
    "older Deployment": (DEPLOYMENT, "apps/v1", "extensions/v1beta1"),
    "old CronJob": (CRON, "batch/v1", "batch/v1beta1"),
    "old budget": (BUDGET, "policy/v1", "policy/v1beta1"),
    "old roles": (BINDING, "rbac.authorization.k8s.io/v1\n", "rbac.authorization.k8s.io/v1beta1\n"),
    "an old Ingress in the new shape": (INGRESS, "networking.k8s.io/v1", "networking.k8s.io/v1beta1"),
    "group of another kind": (DEPLOYMENT, "apps/v1", "v1"),
    "no apiVersion": (CONFIG, "apiVersion: v1\n", ""),
    "empty apiVersion": (CONFIG, "apiVersion: v1", "apiVersion:"),
    "wrong group of a subject": (BINDING, "eve\n  apiGroup: rbac.authorization.k8s.io", "eve\n  apiGroup: v1"),
    "no selector": (DEPLOYMENT, "  selector:\n    matchLabels:\n      app: web\n", ""),
    "no label": (
        DEPLOYMENT.replace("app: web\n", "app: web\n      tier: a\n", 1).replace(
            "        app: web\n", "        app: web\n        tier: a\n"
        ),
        "        tier: a\n",
        "",
    ),
    "no labels": (DEPLOYMENT, "    metadata:\n      labels:\n        app: web\n", ""),
    "a key twice": (CONFIG, "  a: b\n", "  a: b\n  a: b\n"),
    "a block twice": (CONFIG + "  c: |\n    x\n  d: e\n", "  d: e\n", "  c: |\n    x\n  d: e\n"),
    "a key twice in brackets": (CONFIG.replace("\n  name: web", " {name: web}"), "{name: web}", "{name: web, name: web}"),
    "a variable twice": (
        POD.replace("nginx:1.27", "''").replace("''", "nginx") + ENV,
        "    - name: A\n      value: '1'\n",
        2 * "    - name: A\n      value: '1'\n",
    ),
    "a container twice": (POD, "  - name: web\n    image: nginx:1.27\n", 2 * "  - name: web\n    image: nginx:1.27\n"),
    "an object for a list": (SERVICE.replace("  - port", "    - port"), "    - port: 80\n", "    port: 80\n"),
    "a word for a list": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n",
        "[Ingress]",
        "Ingress",
    ),
    "blanks around an image": (POD.replace("nginx:1.27", '"nginx"'), '"nginx"', '"nginx "'),
    "tabs": (SERVICE.replace("type: ClusterIP", "selector:\n    app: web"), "  ", "\t"),
}

LEFT = {
    "two near fields": POD.replace("spec:\n", "spec:\n  hostIP: true\n"),
    "the near field is set": POD + PORT + "    port:\n    - containerPort: 81\n",
    "two misspelt fields of one meaning": DEPLOYMENT.replace("  sel", "  replcias: 1\n  replicaz: 2\n  sel"),
    "a field of the level above": DEPLOYMENT + "        selectors: x\n",
    "a field of the level below": POD.replace("  containers", "  image: nginx\n  containers"),
    "a short name": POD.replace("name: web\n    image", "nam: web\n    image"),
    "a near field of another type": SERVICE.replace("  ports:\n  - port: 80\n", "  port: 80\n"),
    "an invented word": POD + "    imagePullPolicy: Sometimes\n",
    "another word": POD + "    imagePullPolicy: Alwais\n",
    "powers of 1000 or 1024": POD + LIMITS % "512MB",
    "small decimal unit": POD + LIMITS % "1gb",
    "a lone letter": POD + LIMITS % "1g",
    "thousands": POD + LIMITS % "64K",
    "milli of memory": POD + LIMITS % "500 m",
    "a decimal comma": POD + LIMITS % "1,5Gi",
    "a number or a percentage": DEPLOYMENT + "  strategy: {rollingUpdate: {maxSurge: '25'}}\n",
    "a name for a number": POD + PORT.replace("80", "http"),
    "a fraction for a number": POD + PORT.replace("80", "'80.5'"),
    "upper case in a name": POD.replace("name: web\nspec", "name: Web\nspec"),
    "a key twice, two values": CONFIG + "  a: c\n",
    "a number and a string": CONFIG.replace("a: b", "a: '1'\n  a: 1"),
    "a comment would go": CONFIG + "  a: b # the same\n",
    "a variable twice, two values": POD + ENV + ENV.removeprefix("    env:\n").replace("1", "2"),
    "another label": DEPLOYMENT.replace("app: web\n  template", "app: api\n  template"),
    "a patch without a selector": DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n", "").replace(
        "        image: nginx:1.27\n", ""
    ),
    "what kustomize labels": DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n", "").replace("app: web", "mesh: 'no'"),
    "a patch without labels": DEPLOYMENT.replace("    metadata:\n      labels:\n        app: web\n", "").replace(
        "        image: nginx:1.27\n", ""
    ),
    "a Job's restartPolicy": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\n"
    "spec: {template: {spec: {containers: [{name: a, image: b}]}}}\n",
    "an old Ingress": INGRESS.replace("v1\n", "v1beta1\n").replace(
        "{service: {name: web, port: {number: 80}}}", "{serviceName: web, servicePort: 80}"
    ),
    "an old budget of nothing": BUDGET.replace("policy/v1", "policy/v1beta1").replace("{matchLabels: {app: web}}", "{}"),
    "an old autoscaler": "apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
    "spec: {maxReplicas: 2, scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}}\n",
    "an old version and another fault": DEPLOYMENT.replace("apps/v1", "apps/v1beta2").replace("nginx:1.27", "''"),
    "a field at the wrong level": POD.replace("  containers", "  metadata: {}\n  containers"),
    "a string for a list": POD + "    command: sleep 10\n",
    "an anchor": POD + "    args: [&a 1]\n",
    "an alias": POD + "    args: ['1']\n    tty: &t 'true'\n    stdin: *t\n",
    "a tag": POD + "    args: [!!int '1']\n",
    "tabs in a block": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\ndata:\n  Makefile: |\n    all:\n    \techo\n",
    "tabs of two readings": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n\tx: y\n\tz:\n\t    a: b\n    \tc: d\n",
    "prose": "Here is the manifest:\n" + POD,
    "a list": "- a\n- b\n",
    "nothing": "",
    "a template": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\nspec: {a: 1}\n",
    "a custom resource": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {replcias: 1}\n",
}


def clean(text):
    return all(one.verdict.passed and not one.verdict.findings for one in check_text(text, ""))


@pytest.mark.parametrize("case", UNDONE)
def test_a_mend_gives_back_the_sound_text(case):
    sound, there, fault = UNDONE[case]
    assert there in sound and clean(sound)
    spoilt = sound.replace(there, fault, 1) if case != "tabs" else sound.replace(there, fault)
    assert spoilt != sound and not clean(spoilt)
    mended = mend(spoilt)
    assert mended.text == sound
    assert mended.edits and all(edit.code.startswith("K8S") and edit.words for edit in mended.edits)
    assert mend(sound).text == sound and mend(sound).edits == ()


@pytest.mark.parametrize("case", UNDONE)
@pytest.mark.parametrize("ending", ["\r\n", ""])
def test_line_ends_and_the_mark_at_the_start_stay(case, ending):
    sound, there, fault = UNDONE[case]
    spoilt = sound.replace(there, fault, 1) if case != "tabs" else sound.replace(there, fault)
    if ending:
        assert mend("\ufeff" + spoilt.replace("\n", ending)).text == "\ufeff" + sound.replace("\n", ending)
    else:
        assert mend(spoilt.rstrip("\n")).text == sound.rstrip("\n")


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_certain_is_left_letter_for_letter(case):
    assert not clean(LEFT[case]) or case in ("nothing", "a template", "a custom resource", "a list")
    mended = mend(LEFT[case])
    assert mended.text == LEFT[case] and mended.edits == ()


def test_an_old_deployment_gets_the_selector_that_its_server_gave_it():
    old = DEPLOYMENT.replace("apps/v1", "extensions/v1beta1").replace("  selector:\n    matchLabels:\n      app: web\n", "")
    mended = mend(old)
    assert mended.text == DEPLOYMENT
    assert [(edit.code, edit.line, edit.path) for edit in mended.edits] == [("K8S021", 1, "apiVersion"), ("K8S024", 6, "spec.selector")]


def test_many_faults_in_many_documents_and_lines_as_they_were():
    first = POD.replace(
        "  containers:\n  - name: web\n    image: nginx:1.27\n", "  containers:\n    name: web\n    image: nginx:1.27\n    tty: 'true'\n"
    )
    broken = "apiVersion: v1\nkind: [\n"
    service = SERVICE.replace("ClusterIP", "clusterip")
    text = f"# head\n{first}---\n{broken}---\n---\n{CONFIG}  a: b\n  c: 1 # one\n---\n# only this\n---\n{service}"
    mended = mend(text)
    lines, changed = text.split("\n"), mended.text.split("\n")
    assert [(edit.code, edit.line) for edit in mended.edits] == [
        ("K8S023", 8),
        ("K8S023", 10),
        ("K8S012", lines.index(broken.split("\n")[1]) + 10),
        ("K8S023", lines.index("  c: 1 # one") + 1),
        ("K8S025", lines.index("  type: clusterip") + 1),
    ]
    assert '  c: "1" # one' in changed and broken in mended.text and "# only this" in changed
    assert len(changed) == len(lines) - 1
    assert read(mended.text).manifests[0].object == read(POD + "    tty: true\n").manifests[0].object


def test_items_of_a_list_are_mended_each():
    items = "".join("- " + text.replace("\n", "\n  ").rstrip(" ") for text in (CONFIG, SERVICE.replace("Service", "service"), POD))
    text = "apiVersion: v1\nkind: List\nitems:\n" + items.replace("a: b", "a: 1").replace("nginx:1.27", "nginx:1.27\n      TTY: 'true'")
    mended = mend(text)
    assert mended.text == text.replace("a: 1", 'a: "1"').replace("kind: service", "kind: Service").replace("TTY: 'true'", "tty: true")
    assert [edit.code for edit in mended.edits] == ["K8S023", "K8S021", "K8S022", "K8S023"]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_stays_json(indent):
    def text(value):
        return json.dumps(value, indent=indent)

    sound = read(DEPLOYMENT).manifests[0].object
    del sound["spec"]["selector"]
    pod = sound["spec"]["template"]["spec"]["containers"][0]
    pod |= {"imagepullpolicy": "always", "env": [{"name": "A", "value": 1}], "ports": {"containerPort": "80"}}
    mended = mend(text(sound)).text
    container = {"name": "web", "image": "nginx:1.27", "imagePullPolicy": "Always"}
    container |= {"env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}
    assert json.loads(mended)["spec"]["template"]["spec"]["containers"] == [container]
    assert json.loads(mended)["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    assert clean(mended) and mend(mended).text == mended


def test_definitions_of_custom_resources_are_mended_by_too():
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}}
    names = {"plural": "widgets", "kind": "Widget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    known = Schemas(custom=list(custom_kinds(definition, "")))
    assert mend(LEFT["a custom resource"], known).text == LEFT["a custom resource"].replace("replcias", "replicas")


def test_a_fault_that_is_left_does_not_keep_others_from_being_mended():
    text = POD.replace("name: web\nspec", "name: Web\nspec") + PORT.replace("containerPort", "containerport") + ENV.replace("'", "")
    assert mend(text).text == text.replace("containerport", "containerPort").replace("value: 1", 'value: "1"')
