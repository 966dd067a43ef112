"""The suite of diagnoses: cases of every cause in words, views and questions that no training has seen."""

from kubestill.domains.kubernetes.skills.diagnose.skill import NAME, DiagnoseSkill
from kubestill.domains.kubernetes.skills.drawn import Drawn

PROCEDURAL = Drawn("diagnose-procedural", NAME, DiagnoseSkill().draw, DiagnoseSkill().judge)
