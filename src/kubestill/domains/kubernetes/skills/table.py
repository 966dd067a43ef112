"""The only list of skills: what a student of this domain can learn to do. Literal and lazy; where none is named, the first is meant."""

from functools import cache
from importlib import resources

from kubestill.ground.registry import Table
from kubestill.ground.seeds import stable_hash

SKILLS = Table(
    "skill",
    {
        "manifest": "kubestill.domains.kubernetes.skills.manifest.wide:WideManifestSkill",
        "kubectl": "kubestill.domains.kubernetes.skills.kubectl.skill:KubectlSkill",
        "diagnose": "kubestill.domains.kubernetes.skills.diagnose.skill:DiagnoseSkill",
        "runbook": "kubestill.domains.kubernetes.skills.runbook.skill:RunbookSkill",
        "general": "kubestill.domains.kubernetes.skills.general.skill:GeneralSkill",
    },
)

# How answers of the other skills are led: each row a factory of a Leading (grammars/leading.py).
LEADINGS = Table(
    "leading",
    {
        "kubectl": "kubestill.domains.kubernetes.grammars.leadings:Commanding",
        "diagnose": "kubestill.domains.kubernetes.grammars.leadings:diagnose",
        "runbook": "kubestill.domains.kubernetes.grammars.leadings:runbook",
        "general": "kubestill.domains.kubernetes.grammars.leadings:general",
    },
)


@cache
def skill_tables() -> str:
    """Return a digest of the TOML tables below this folder: of what skills draw from and say, beside the phrases of manifests."""
    found, folders = [], [resources.files(__package__)]
    while folders:
        for entry in folders.pop().iterdir():
            if entry.is_dir():
                folders.append(entry)
            elif entry.name.endswith(".toml"):
                found.append(stable_hash(entry.read_bytes()))
    return f"{stable_hash(*sorted(found)):016x}"
