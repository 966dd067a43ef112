import pickle
from random import Random

import pytest

from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide, header_grammar, manifest_grammar, spans_of
from kubestill.domains.kubernetes.grammars.options import Grounds, Options
from kubestill.domains.kubernetes.kubernetes import Kubernetes
from kubestill.domains.kubernetes.printing import dump
from kubestill.domains.kubernetes.schema import schemas
from kubestill.ground.errors import UserError
from kubestill.tools.checks.api import Tier
from kubestill.tools.grammar.api import Given, Reading, Span, Step
from unit.domains.kubernetes.grammars.bytewise import Bytewise

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
    tier: "1"
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx:1.27
        command: []
        args:
        - -c
        - |
          echo "a: b"

            sleep 1
        - "0644"
        ports:
        - containerPort: 8080
        resources:
          limits:
            cpu: 500m
            memory: 1Gi
        env:
        - name: DEBUG
          value: "yes"
        readinessProbe:
          httpGet:
            path: /ready
            port: http
      volumes:
      - name: tmp
        emptyDir: {}
"""


@pytest.fixture(scope="module")
def deployment() -> Bytewise:
    return Bytewise(manifest_grammar([("apps/v1", "Deployment")], schemas()).text)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def test_a_usual_manifest_is_taken(deployment: Bytewise) -> None:
    assert deployment.takes(DEPLOYMENT)
    assert deployment.takes(DEPLOYMENT.rstrip("\n"))


def test_keys_may_come_in_any_order_and_lists_may_be_indented(deployment: Bytewise) -> None:
    assert deployment.takes(
        "kind: Deployment\nspec:\n" + DEPLOYMENT.partition("spec:\n")[2] + "metadata:\n  name: web\napiVersion: apps/v1\n"
    )
    indented = DEPLOYMENT.replace(
        "      volumes:\n      - name: tmp\n        emptyDir: {}", "      volumes:\n        - name: tmp\n          emptyDir: {}"
    )
    assert deployment.takes(indented)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("replicas: 3", "replica: 3"),
        ("replicas: 3", "replicas: three"),
        ("replicas: 3", "replicas: 3\n  replicas: 3"),
        ("replicas: 3", "replicas: 03"),
        ("replicas: 3", "replicas: 4294967296"),
        ("  selector:\n    matchLabels:\n      app: web\n", ""),
        ("        image: nginx:1.27\n", "          image: nginx:1.27\n"),
        ("        image: nginx:1.27\n", "      image: nginx:1.27\n"),
        ("        image: nginx:1.27\n", "        image: nginx: 1.27\n"),
        ("      - name: web", "      - image: x"),
        ('value: "yes"', "value: yes"),
        ('tier: "1"', "tier: 1"),
        ("name: web\n  labels", "name: Web_1\n  labels"),
        ('- "0644"', "- 0644"),
        ('        - "0644"', '         - "0644"'),
        ("containerPort: 8080", "containerPort: 80800"),
        ("cpu: 500m", "cpu: 500MB"),
        ("emptyDir: {}", "emptyDir: []"),
        ("kind: Deployment", "kind: StatefulSet"),
        ("  name: web\n  labels", "  labels"),
    ],
)
def test_what_the_schema_or_yaml_refuses_cannot_be_written(deployment: Bytewise, before: str, after: str) -> None:
    assert before in DEPLOYMENT
    assert not deployment.takes(DEPLOYMENT.replace(before, after, 1))


def test_every_kind_of_every_version_compiles_and_walks_are_valid() -> None:
    """Every kind of the usual version, and a few of the oldest and the newest: whatever the mask allows, our own checks must find valid."""
    rng, finished = Random(11), 0
    for version, step in (("1.36", 2), ("1.25", 12), ("1.37", 12)):
        domain = Kubernetes(version)
        for number, kind in enumerate(schemas(version).kinds()[::step]):
            options = Options(order="idiom" if number % 4 == 3 else "any")
            grammar = Bytewise(manifest_grammar([(kind.api_version, kind.kind)], schemas(version), options).text)
            if (text := grammar.walk(rng)) is None:
                continue
            finished += 1
            [verdict] = domain.check_text(text, "walk")
            found = [one for one in verdict.verdict.findings if one.tier in (Tier.SYNTAX, Tier.SCHEMA)]
            assert not found, (kind, found, text)
    assert finished >= 30


def test_a_definition_that_holds_itself_keeps_its_keys_apart() -> None:
    grammar = Bytewise(manifest_grammar([("apiextensions.k8s.io/v1", "CustomResourceDefinition")], schemas()).text)
    head = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: webs.example.com\nspec:\n"
    head += "  group: example.com\n  scope: Namespaced\n  names:\n    kind: Web\n    plural: webs\n  versions:\n  - name: v1\n"
    head += "    served: true\n"
    head += "    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
    nested = "          $ref:\n            type: object\n            properties:\n              enum:\n                type: string\n"
    nested += '                enum:\n                - "1"\n'
    assert grammar.takes(head + nested)
    assert grammar.refused_at(head + nested + "            type: string\n") == "ype: string\n"
    assert not grammar.takes(head + nested + "        type: object\n")


def test_idiomatic_order_is_one_order() -> None:
    grammar = Bytewise(manifest_grammar([("v1", "Service")], schemas(), Options(order="idiom")).text)
    good = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  type: ClusterIP\n  selector:\n    app: a\n  ports:\n  - port: 80\n"
    )
    assert grammar.takes(good)
    assert not grammar.takes(good.replace("  type: ClusterIP\n", "").replace("  - port: 80\n", "  - port: 80\n  type: ClusterIP\n"))


def test_a_union_holds_each_kind_and_several_documents_are_parted() -> None:
    grammar = Bytewise(manifest_grammar([("v1", "ConfigMap"), ("v1", "Secret")], schemas(), Options(documents=2)).text)
    first, second = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n",
        "kind: Secret\napiVersion: v1\nmetadata:\n  name: b\n",
    )
    assert grammar.takes(first) and grammar.takes(second) and grammar.takes(first + "---\n" + second)
    assert not grammar.takes(first + "---\n" + second + "---\n" + first)
    assert not grammar.takes(first + "type: Opaque\n")


def test_an_unknown_kind_is_refused_with_the_near_one() -> None:
    with pytest.raises(UserError, match="did you mean 'apps/v1 Deployment'"):
        manifest_grammar([("apps/v1", "Deploymnt")], schemas())


def test_grounded_text_says_what_the_request_says() -> None:
    spans = (Span("⟨1⟩", "shop-web"), Span("⟨2⟩", "nginx:1.27"), Span("⟨3⟩", "8099"), Span("⟨4⟩", "TIER"), Span("⟨5⟩", "yes"))
    grammar = Bytewise(manifest_grammar([("v1", "Pod")], schemas(), Options(pointers=True, grounds=Grounds(spans))).text)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "⟨1⟩", "labels": {"app": "⟨1⟩"}},
        "spec": {
            "containers": [
                {
                    "name": "⟨1⟩-api",
                    "image": "⟨2⟩",
                    "ports": [{"containerPort": "⟨3⟩", "name": "http"}],
                    "env": [{"name": "⟨4⟩", "value": "⟨5⟩"}],
                }
            ]
        },
    }
    text = dump(pod).replace("value: ⟨5⟩", 'value: "⟨5⟩"')
    assert grammar.takes(text)
    for before, after in [
        ("name: ⟨1⟩\n", "name: shop-wep\n"),
        ("image: ⟨2⟩", "image: nginx:1.28"),
        ("image: ⟨2⟩", "image: ⟨6⟩"),
        ("containerPort: ⟨3⟩", "containerPort: ⟨1⟩"),
        ("containerPort: ⟨3⟩", "containerPort: 8098"),
        ('value: "⟨5⟩"', "value: ⟨5⟩"),
        ("    app: ⟨1⟩\n", "    app: ⟨1⟩\n    app: ⟨1⟩\n"),
    ]:
        assert before in text and not grammar.takes(text.replace(before, after, 1)), after


def test_a_guide_can_be_sent_to_another_process_and_leads_from_the_header_to_the_kind() -> None:
    guide: ManifestGuide = pickle.loads(pickle.dumps(ManifestGuide(grounding="hard")))
    reading = Reading("a service called shop", (Span("⟨1⟩", "shop"),))
    first = guide.start(reading)
    assert isinstance(first, Step) and first.then is not None and not first.again
    head = "apiVersion: v1\nkind: Service\nmetadata:"
    assert Bytewise(first.grammar.text).takes(head)
    following = first.then(head)
    assert isinstance(following, Step) and following.again
    assert Bytewise(following.grammar.text).takes(head + "\n  name: ⟨1⟩\n")
    assert not isinstance(ManifestGuide((("v1", "Service"),)).start(reading), Given)


def test_the_header_names_every_kind_once() -> None:
    assert header_grammar(schemas()).text.count("kind: ") == len(schemas().kinds())


def test_the_words_of_a_request_and_the_parts_of_its_spans_may_be_repeated() -> None:
    found = spans_of(Reading("an api for ⟨1⟩ on 8080", (Span("⟨1⟩", "shop:9090"),)))
    assert {"shop", "9090", "api", "8080"} <= {span.surface for span in found}
    assert found[0].surface == "⟨1⟩"
