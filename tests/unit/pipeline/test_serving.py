"""A service over the packaged student: real answers, from many threads, under the same checks as `kubestill check` and `ask`."""

import threading
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.ground.store import Store
from kubestill.pipeline.instruments import Workbench
from kubestill.pipeline.models import Model, find_model
from kubestill.pipeline.serving import Domains, Loaded, ServiceSettings, ask_model, open_service
from kubestill.serving.api import Inquiry, Turn, Wish
from kubestill.serving.service import CheckedService

BAD = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n    targtPort: 8080\n"
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wells.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Well, plural: wells}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {depth: {type: integer}}}}}}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> CheckedService:
    return open_service(Store(tmp_path_factory.mktemp("workspace")), ServiceSettings(models=("kubernetes-base",)))


def test_many_threads_get_the_answers_that_one_gets(service: CheckedService, tmp_path: Path) -> None:
    requests = ["a service called x on port 80", "a configmap called settings with HOST=db", "a pod called y running busybox"]
    expected = {text: service.answer(Turn(Inquiry(text, fresh=True))).reply.text for text in requests}
    model, found = find_model(Store(tmp_path), "kubernetes-base"), dict[str, set[str]]()
    assert ask_model(model, Inquiry(requests[0])).reply.text == expected[requests[0]]

    def ask(text: str) -> None:
        found.setdefault(text, set()).add(service.answer(Turn(Inquiry(text, fresh=True))).reply.text)

    threads = [threading.Thread(target=ask, args=(text,)) for text in requests * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {text: {answer} for text, answer in expected.items()}


def test_a_chat_about_a_manifest_gives_the_whole_new_manifest(service: CheckedService) -> None:
    web = service.answer(Turn(Inquiry("a deployment called web running nginx:1.27 with 3 replicas"))).reply.text
    changed = service.answer(Turn(Inquiry("scale it to 5", manifest=web)))
    assert changed.reply.text == web.replace("replicas: 3", "replicas: 5") and changed.verdict.passed
    assert changed.change is not None and "+  replicas: 5" in changed.change.diff


def test_a_service_reads_no_files_for_a_request(service: CheckedService, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reads no files for a request"):
        service.answer(Turn(Inquiry("x", Wish(definitions=(tmp_path,)))))
    with pytest.raises(UserError, match="no schemas of Kubernetes"):
        service.answer(Turn(Inquiry("x", Wish(version="1.99"))))


def test_what_an_answer_depends_on(service: CheckedService, tmp_path: Path) -> None:
    (tmp_path / "crd.yaml").write_text(CRD)
    (model,) = service.models.values()
    domains, definitions = Domains(), (tmp_path / "crd.yaml",)
    usual, older, learned = (
        domains.identity("kubernetes", version, files) for version, files in (("", ()), ("1.30", ()), ("", definitions))
    )
    assert len({usual, older, learned}) == 3 and domains.identity("kubernetes", "", ()) == usual
    (tmp_path / "crd.yaml").write_text(CRD.replace("depth", "width"))
    assert Domains().identity("kubernetes", "", definitions) not in (usual, older, learned)
    assert model.identity(Wish()) != model.identity(Wish(version="1.30")) and len(model.digest) == 40 and model.created > 0
    assert domains.get("kubernetes", "", ()) is domains.get("kubernetes", "", ())


def test_findings_have_their_place_and_remedy(service: CheckedService) -> None:
    found = [one for one in service.check(f"# a service\n{BAD}", Wish()) if one["severity"] == "error"]
    assert [(one["code"], one["line"], one["column"], one["tier"], one["kind"], one["name"]) for one in found] == [
        ("K8S022", 9, 5, "schema", "Service", "web")
    ]
    assert found[0]["path"] == "spec.ports[0].targtPort" and "targetPort" in found[0]["message"] and found[0]["remedy"]
    assert service.check(BAD.replace("targtPort", "targetPort"), Wish()) == []


@pytest.mark.parametrize(
    ("text", "wish", "severities"),
    [
        ("kubectl get pods -n web", Wish(skill="kubectl"), set()),
        ("kubectl get pods --nmaespace web", Wish(skill="kubectl"), {"error"}),
        ("", Wish(), {"skip"}),
        ("just words", Wish(), {"error", "skip"}),
        ("apiVersion: example.com/v1\nkind: Well\nmetadata: {name: a}\n", Wish(), {"skip"}),
        ("a: [", Wish(), {"error"}),
        ("0 9 * * *", Wish(domain="cron"), set()),
        ("0 25 * * *", Wish(domain="cron"), {"error"}),
        ("\ud800", Wish(), {"error", "skip"}),
    ],
)
def test_only_an_empty_list_is_a_pass(service: CheckedService, text: str, wish: Wish, severities: set[str]) -> None:
    found = {str(one["severity"]) for one in service.check(text, wish)}
    assert found <= severities and bool(found) == bool(severities)


def test_checks_know_a_services_definitions(tmp_path: Path) -> None:
    (tmp_path / "crd.yaml").write_text(CRD)
    bench = Workbench(definitions=[tmp_path / "crd.yaml"])
    well = "apiVersion: example.com/v1\nkind: Well\nmetadata: {name: a}\nspec: {depth: 3}\n"
    assert bench.check(well, Wish()) == [] and bench.check(well.replace("3", "x"), Wish())[0]["code"] == "K8S023"
    assert bench.explain("Well.spec.depth")["type"] == "integer"
    with pytest.raises(UserError, match="no task 'kubctl'"):
        bench.check("x", Wish(skill="kubctl"))
    with pytest.raises(UserError, match="characters"):
        bench.check("x" * (1 << 21), Wish())


def test_checks_from_many_threads_agree(service: CheckedService) -> None:
    texts = [BAD.replace("web", f"web-{number}") for number in range(6)] + ["a: [", BAD.replace("targtPort", "targetPort")]
    expected, found = [service.check(text, Wish()) for text in texts], list[bool]()
    fresh = Workbench()

    def check() -> None:
        found.append([fresh.check(text, Wish()) for text in texts] == expected)

    threads = [threading.Thread(target=check) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 6


def test_what_a_check_is(service: CheckedService) -> None:
    found = service.explain("k8s161")
    assert found["path"] == "K8S161" and found["type"] == "check" and found["description"]


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="named twice"):
        open_service(Store(tmp_path), ServiceSettings(models=("kubernetes-base", "kubernetes-base")))


def test_a_key_of_the_cache_holds_what_stands_beside_a_model(tmp_path: Path) -> None:
    """A GGUF file may lack its tokenizer and how it is spoken to: with others beside it, it answers otherwise."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    found, model = [], Model(str(tmp_path), "m", "kubernetes")
    for name in ("README.md", "tokenizer.json", "chat.json"):
        found.append(Loaded(model, lambda _: None, Domains()).digest)  # type: ignore[arg-type,return-value]  # nothing is asked of a desk
        (tmp_path / name).write_text("{}")
    found.append(Loaded(model, lambda _: None, Domains()).digest)  # type: ignore[arg-type,return-value]  # as above
    assert found[0] == found[1] and len(set(found)) == 3
