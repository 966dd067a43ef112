"""The suite of short questions: held-out parts and words; those of open topics ask for held-out values, too."""

from kubestill.domains.kubernetes.skills.drawn import Drawn
from kubestill.domains.kubernetes.skills.general.skill import NAME, GeneralSkill

PROCEDURAL = Drawn("general-procedural", NAME, GeneralSkill().draw, GeneralSkill().judge)
