"""The only list of skills: what a student of this domain can learn to do. Literal and lazy; where none is named, the first is meant."""

from kubestill.ground.registry import Table

SKILLS = Table(
    "skill",
    {
        "manifest": "kubestill.domains.kubernetes.skills.manifest.skill:ManifestSkill",
    },
)

# How answers of the other skills are led: each row a factory of a Leading (grammars/leading.py).
LEADINGS = Table("leading", {})
