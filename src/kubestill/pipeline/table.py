"""The only list of stages and domains: literal and lazy, in the order of the work."""

from kubestill.ground.registry import Table

STAGES = Table(
    "stage",
    {
        "corpus": "kubestill.stages.corpus.stage:STAGE",
        "synthesis": "kubestill.stages.synthesis.stage:STAGE",
        "curation": "kubestill.stages.curation.stage:STAGE",
        "pretraining": "kubestill.stages.training.pretraining:STAGE",
        "capture": "kubestill.stages.capture.stage:STAGE",
        "training": "kubestill.stages.training.stage:STAGE",
        "tuning": "kubestill.stages.training.tuning:STAGE",
        "evaluation": "kubestill.stages.evaluation.stage:STAGE",
        "export": "kubestill.stages.export.stage:STAGE",
    },
)

# Packages beyond the plain install that a stage (or the report) imports, so that a run says what is missing before it spends anything.
NEEDS: dict[str, tuple[str, ...]] = {
    "pretraining": ("torch", "tokenizers", "safetensors", "transformers"),
    "training": ("torch", "tokenizers", "safetensors", "transformers"),
    "tuning": ("torch", "tokenizers", "safetensors", "transformers"),
    "evaluation": ("torch", "tokenizers", "safetensors", "llguidance"),
    "export": ("torch", "tokenizers", "safetensors", "transformers", "gguf", "xllamacpp"),
    "report": ("jinja2", "matplotlib"),
}

# Each row is a factory: called with the options of the recipe's [domain] table, it returns the domain.
DOMAINS = Table(
    "domain",
    {
        "cron": "kubestill.domains.cron:domain",
        "kubernetes": "kubestill.domains.kubernetes.kubernetes:domain",
    },
)

# Single functions and types of a stage's room that commands need outside a run.
PARTS = Table(
    "part",
    {
        "Questions": "kubestill.stages.evaluation.asking:Questions",
        "evaluate": "kubestill.stages.evaluation.asking:evaluate",
        "compare": "kubestill.stages.evaluation.asking:compare",
        "answers": "kubestill.stages.evaluation.asking:answers",
        "judged": "kubestill.stages.evaluation.asking:judged",
        "joined": "kubestill.stages.training.distributed:joined",
        "skeleton_key": "kubestill.stages.curation.likeness:skeleton_key",
    },
)

# Codes of findings that no check class makes (form, syntax, schema): a function that lists them, and one that tells what a code means.
OTHER_CODES = Table("domain", {"kubernetes": "kubestill.domains.kubernetes.answers:codes"})
OTHER_MEANINGS = Table("domain", {"kubernetes": "kubestill.domains.kubernetes.answers:explain"})

# What a cluster says of itself, kept for use without it: a function that fetches it, and one that finds it again.
PULL = Table("domain", {"kubernetes": "kubestill.domains.kubernetes.kubernetes:pull_schemas"})
PULLED = Table("domain", {"kubernetes": "kubestill.domains.kubernetes.kubernetes:pulled"})
KEPT = Table("domain", {"kubernetes": "kubestill.domains.kubernetes.kubernetes:kept_schemas"})  # by which name, for a context

# All checks of a domain: a sequence, or a function that returns one.
CHECKS = Table(
    "domain",
    {
        "cron": "kubestill.domains.cron.checks:CHECKS",
        "kubernetes": "kubestill.domains.kubernetes.kubernetes:documented",
    },
)
