"""The grammar of kubectl against what Kubernetes documents, what a real kubectl refused, and the check of this domain."""

import json
import pickle
import re
from random import Random

import pytest

from kubestill.domains.kubernetes.grammars.kubectl import KubectlGuide, Options, kubectl_grammar
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.tools.grammar.api import Reading, Span, Step

from ..kubectl.examples import documentation, examples, flags_of, needs_docs, needs_reference
from ..kubectl.recorder import RECORDED
from ..kubectl.test_examples import mutated_flags

llguidance = pytest.importorskip("llguidance")

# What kubectl refuses and the grammar takes: numbers are not compared, and nobody looks into a cluster.
TAKEN = {
    "kubectl autoscale deployment web --min=5 --max=2",
    "kubectl autoscale deployment x --max=2 --min=3",
}


def matcher(grammar):
    found = llguidance.LLMatcher(llguidance.LLTokenizer("byte"), grammar.text)
    assert not found.get_error()
    return found


@pytest.fixture(scope="module")
def plain():
    return matcher(kubectl_grammar())


@pytest.fixture(scope="module")
def several():
    return matcher(kubectl_grammar(Options(commands=2)))


def takes(found, text: str) -> bool:
    one, tokens = found.deep_copy(), list(text.encode())
    return one.try_consume_tokens(tokens) == len(tokens) and one.is_accepting()


def errors(text: str) -> list[str]:
    return [f"{finding.code} {finding.message}" for finding in check_command(text).findings if finding.severity == "error"]


def documented() -> list[tuple[dict, str]]:
    """Examples that are kubectl commands from the first word on; `kubectl completion` is documented with the shell's set-up."""
    return [(command, text) for command, text in examples() if text.startswith("kubectl ") and "completion" not in text]


@needs_reference
def test_every_documented_example_is_taken(several):
    rows = documented()
    assert [text for _, text in rows if not takes(several, text)] == []
    assert len(rows) == 367


@needs_reference
def test_no_flag_with_a_wrong_letter_is_taken(several):
    missed, refused = [], 0
    for command, text in documented():
        for mutant, flag in mutated_flags(text):
            names, shorthands = flags_of(command["command"])
            if flag.lstrip("-") in (names if flag.startswith("--") else shorthands):
                continue
            refused += not takes(several, mutant)
            missed += [mutant] if takes(several, mutant) and errors(mutant) else []
    assert not missed, "\n".join(missed)
    assert refused > 350


@needs_docs
def test_nine_of_ten_commands_of_the_documentation_are_taken():
    """The rest: custom types without a group, shell variables within values, programs that are not in the closed set, `&` and `;`."""
    found = matcher(kubectl_grammar(Options(commands=3)))
    rows = [" ".join(text.partition(" #")[0].split(" ")).strip() for text in documentation()]
    right = [text for text in dict.fromkeys(rows) if not errors(text)]
    assert sum(takes(found, text) for text in right) > 0.92 * len(right) > 1_300


def test_what_a_real_kubectl_refused_is_refused(plain):
    recorded = json.loads(RECORDED.read_text())["verdicts"]
    refused = [text for text, verdict, _ in recorded if verdict == "refuses"]
    taken = {text for text in refused if takes(plain, text)}
    assert {text for text in taken if errors(text)} == TAKEN
    assert len(taken) <= 6 and len(refused) == 604


def test_nothing_is_taken_that_the_check_calls_an_error(plain):
    texts = [text for text, _, _ in json.loads(RECORDED.read_text())["verdicts"]]
    texts += [text for code in CODES.values() for text in (*code.bad, *code.good)]
    wrong = [text for text in texts if takes(plain, text) and errors(text) and text not in TAKEN]
    assert wrong == [text for text in wrong if "--min" in text]


def walk(found, rng: Random, longest: int = 120) -> str | None:
    """Write one command at random, with a bias to ends of words; None where it got too long. A dead end fails the test.

    Lengths are left to the check: a label of 64 characters is no fault that a model makes, and counting them costs time at each mask.
    """
    one, taken, run = found.deep_copy(), bytearray(), 0
    while len(taken) < 3 * longest:
        mask = one.compute_logit_bias()
        allowed = [token for token in range(256) if mask[token]]
        done = one.is_accepting()
        assert allowed or done, f"a dead end after {bytes(taken)!r}: {one.get_error()}"
        if done and (not allowed or rng.random() < 0.3 or len(taken) > longest):
            return taken.decode()
        closing = [token for token in allowed if token in b" '\"}>=:"]
        token = rng.choice(closing if closing and rng.random() < (0.35 if run < 30 and len(taken) < longest else 0.9) else allowed)
        run = 0 if token == ord(" ") else run + 1
        assert one.consume_token(token)
        taken.append(token)
    return None


@pytest.mark.parametrize("seed", range(4))
def test_random_walks_pass_the_check_and_never_end_dead(plain, seed):
    texts = [walk(plain, Random(f"{seed} {number}")) for number in range(60)]
    whole = [text for text in texts if text is not None]
    assert {text: found for text in whole if (found := errors(text))} == {}
    assert len(whole) > 30


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pods -n prod -o wide",
        "kubectl -n prod get pods",
        "kubectl get pods -A | grep -v Running | wc -l",
        "kubectl get deploy web -o yaml > web.yaml",
        "kubectl exec -it web -- sh -c 'ls | wc -l'",
        "kubectl logs -f deployment/web -c api --tail=50",
        "kubectl create cronjob x --image=busybox --schedule='*/5 * * * *' -- date",
        "kubectl get pods --sort-by=.status.startTime",
        "kubectl get pods -l 'app in (web, api)'",
        "kubectl get certificates.cert-manager.io -A",
        "kubectl get all",
        "kubectl scale --help",
        "kubectl get clusterrole system:node -o yaml",
        "kubectl get pods --as=jane@example.com",
        "kubectl logs $POD_NAME -c api",
        'kubectl patch pv x -p "{\\"spec\\":{}}"',
        "kubectl label node n node-role.kubernetes.io/worker=",
        "kubectl label pods --all tier='' --overwrite",
        "kubectl taint node n dedicated=:NoSchedule",
        "kubectl get pods -l tier=,app!=",
        "kubectl run x --image=i --labels=tier=,app=x",
        "kubectl annotate pod x note=",
        "kubectl get --raw /readyz?verbose",
        "kubectl get --raw '/api/v1/pods?labelSelector=app%3Dweb&limit=5'",
        "kubectl get --raw /api/v1/namespaces/default/services/https:web:443/proxy/",
        "kubectl auth can-i get /healthz?verbose",
        "kubectl auth can-i get '/logs/*'",
    ],
)
def test_common_commands_are_taken(plain, text):
    assert takes(plain, text) and not errors(text)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pods | sh",
        "kubectl get pods | xargs rm",
        "kubectl get pods | sort -t| sh",
        "kubectl get pods | cut -d; rm x",
        "kubectl get pods | less",
        "kubectl get pods | sed 's/a/b/e'",
        "kubectl get pods; rm -rf x",
        "kubectl get pods && kubectl get svc",
        "kubectl get pods $(rm x)",
        "kubectl get pods --selector=$(kubectl delete pods --all)",
        "kubectl get pods -n a -n b",
        "kubectl delete pods",
        "kubectl delete pods x --all",
        "kubectl get podz",
        "kubectl get gateways.networking.k8s.io",
        "kubectl rollout status pods/x",
        "kubectl run x",
        "kubectl exec x",
        "kubectl run x --image=i --restart=Sometimes",
        "kubectl expose deployment x --port=99999",
        "kubectl get pods --watch-onl",
        "kubectl label node n a==b",
        "kubectl label node n =b",
        "kubectl taint node n =:NoSchedule",
        "kubectl create quota x --hard=pods=",
        "kubectl get --raw /pods?a=b&limit=5",
        "kubectl get --raw '/pods' '?limit=5'",
        "kubectl auth can-i get '/healthz",
        "kubectl get pods ⟨1⟩",
        "kubectl",
        "",
    ],
)
def test_what_is_outside_is_refused(plain, text):
    assert not takes(plain, text)


def test_pointers_and_places_stand_where_words_are_free():
    pointed, strict = matcher(kubectl_grammar(Options(pointers=True, places=False))), matcher(kubectl_grammar(Options(places=False)))
    text = "kubectl create deployment ⟨1⟩ --image=⟨40⟩ -n ⟨3⟩ -o yaml | grep ⟨2⟩"
    assert takes(pointed, text) and not takes(strict, text)
    assert not takes(pointed, "kubectl get ⟨1⟩") and not takes(pointed, "kubectl create deployment ⟨41⟩ --image=a")
    assert takes(pointed, "kubectl label pod ⟨1⟩ ⟨2⟩=⟨3⟩") and takes(pointed, "kubectl exec ⟨1⟩ -- ls ⟨2⟩")
    assert not takes(strict, "kubectl get pod <pod-name>")


def test_without_pipes_a_command_stands_alone():
    alone = matcher(kubectl_grammar(Options(pipes=False)))
    assert takes(alone, "kubectl get pods") and not takes(alone, "kubectl get pods | head") and not takes(alone, "kubectl get pods > x")


def started(guide: KubectlGuide, *spans: Span):
    step = pickle.loads(pickle.dumps(guide)).start(Reading("a request", spans))
    assert isinstance(step, Step) and step.then is None and not step.again
    return matcher(step.grammar)


def test_grounded_words_come_from_the_request_or_are_defaults():
    spans = [Span(text, text) for text in ("shop-api", "blue-zone", "acme/shop:1.4", "tier=gold")]
    found = started(KubectlGuide(Options(grounded=True)), *spans)
    assert takes(found, "kubectl get pod shop-api -n blue-zone")
    assert takes(found, "kubectl set image deployment/shop-api shop=acme/shop:1.4 -n kube-system")
    assert takes(found, "kubectl label pods --all tier=gold")
    for mangled in (
        "kubectl get pod shop-apy",
        "kubectl get pod shop-api -n blue-zones",
        "kubectl set image deploy/shop-api shop=acme/shop:1.5",
    ):
        assert not takes(found, mangled)
    texts = [walk(found, Random(number)) for number in range(40)]
    assert {text: wrong for text in texts if text and (wrong := errors(text))} == {}


def test_grounded_pointers_are_judged_by_what_they_say():
    spans = (Span("⟨1⟩", "web"), Span("⟨2⟩", "nginx:1.27"), Span("⟨3⟩", "My Words"))
    found = started(KubectlGuide(Options(grounded=True)), *spans)
    assert takes(found, "kubectl create deployment ⟨1⟩ --image=⟨2⟩")
    assert not takes(found, "kubectl create deployment ⟨2⟩ --image=⟨2⟩")
    assert not takes(found, "kubectl create deployment ⟨3⟩ --image=⟨2⟩")
    assert takes(found, "kubectl create priorityclass ⟨1⟩ --value=10 --description='⟨3⟩'")


def test_a_guide_without_spans_is_free():
    assert takes(started(KubectlGuide(Options(grounded=True))), "kubectl get pod anything")


def test_every_command_and_flag_of_the_reference_is_in_the_grammar():
    from kubestill.domains.kubernetes.kubectl.reference import reference

    text = kubectl_grammar().text
    for command in reference().commands.values():
        for word in command.subcommands:
            assert re.search(rf'"{re.escape(word)}" n\d+::', text)
        for name, flag in command.flags.items():
            assert f'"{name}"' in text or flag.deprecated or name == "version"
