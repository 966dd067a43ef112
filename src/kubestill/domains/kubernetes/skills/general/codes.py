"""What each code of a finding on a short answer means, and how to mend it."""

from collections.abc import Mapping

from kubestill.domains.kubernetes.kubectl.codes import Code
from kubestill.tools.checks.api import Tier

FORM, SHAPE, COMMAND, EFFECT = "K8S740", "K8S741", "K8S742", "K8S743"

CODES: Mapping[str, Code] = {
    FORM: Code(
        Tier.FORM,
        "The answer is not one short answer: it is empty, holds a code fence, or has more lines or characters than was asked for.",
        "Answer in the line or two that the question asks for, and nothing else.",
        ("", "```\nv1\n```"),
        ("v1",),
    ),
    SHAPE: Code(
        Tier.SYNTAX,
        "The answer does not have the shape that answers to this kind of question have: words before or after it, or a part is missing.",
        "Give the value in its place, and no words around it.",
        ("The apiVersion of a Deployment would be apps/v1, I think.",),
        ("apps/v1",),
    ),
    COMMAND: Code(
        Tier.SCHEMA,
        "The command that the answer names is none that kubectl takes.",
        "Use commands, flags and resources that kubectl has (kubectl COMMAND --help lists them).",
        ("Missing: the workload\nNext: kubectl list deployments",),
        ("Missing: the workload\nNext: kubectl get deployments",),
    ),
    EFFECT: Code(
        Tier.RULES,
        "The next step changes the cluster, though what it is about is not known yet.",
        "Name a command that only reads, such as kubectl get.",
        ("Missing: the workload\nNext: kubectl delete deployments --all",),
        ("Missing: the workload\nNext: kubectl get deployments",),
    ),
}
