"""The guide of this domain: students that note what they understood are led by their notes, all else by the grammar of manifests."""

from collections.abc import Sequence

from kubestill.domains.kubernetes.grammars.kinds import find_kinds
from kubestill.domains.kubernetes.grammars.manifest import ManifestGuide
from kubestill.domains.kubernetes.grammars.notes import NotesGuide
from kubestill.domains.kubernetes.schema import Schemas


def manifest_guide(known: Schemas, names: Sequence[str] = ()) -> NotesGuide:
    """Return the guide of manifests that `known` describes, of the kinds called so, or of any.

    Raises:
        UserError: the schemas know no kind of a name.
    """
    kinds = find_kinds(known, names)
    wanted = tuple((kind.api_version, kind.kind) for kind in kinds)
    manifests = ManifestGuide(wanted, known.version, custom=known.customs, enums=known.served)
    return NotesGuide(manifests, wanted)
