"""The judge of the manifest skill: an answer is judged as what was asked for, one object, several, a changed one, or a custom resource."""

from collections.abc import Sequence

from kubestill.domains.api import Intent
from kubestill.domains.kubernetes.fullpass import full_pass
from kubestill.domains.kubernetes.schema import Schemas
from kubestill.tools.checks.api import Verdict


def judge(answer: str, intents: Sequence[Intent] | None = None, known: Schemas | None = None) -> Verdict:
    """Run form, syntax, schema and rules on an answer and, with `intents`, whether each of them holds.

    `known`: the schemas to judge by, the usual version's unless told.
    """
    aspects = [intent.aspect for intent in intents or ()]
    if intents is None or (aspects.count("kind") == 1 and not any(aspect.startswith("expect.") for aspect in aspects)):
        return full_pass(answer, intents, known)
    from kubestill.domains.kubernetes.skills.manifest.custom import DEFINED, judge_custom  # not needed, so not loaded, for one object
    from kubestill.domains.kubernetes.skills.manifest.edits import EDITED, judge_edit
    from kubestill.domains.kubernetes.skills.manifest.sets import judge_several

    if EDITED in aspects:
        return judge_edit(answer, intents, known)
    return judge_custom(answer, intents, known) if DEFINED in aspects else judge_several(answer, intents, known)
