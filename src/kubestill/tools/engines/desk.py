"""Where many ask one engine at once: the desk that fits an engine."""

from kubestill.tools.engines.api import Desk, Engine
from kubestill.tools.engines.desk_lanes import DeskHow, LaneDesk
from kubestill.tools.engines.desk_pools import PoolDesk, Remote
from kubestill.tools.engines.local import SharedEngine


def desk_for(engine: Engine, rows: int = DeskHow.rows, places: int = DeskHow.places) -> Desk:
    """Return a desk that writes `rows` answers at once; of a llama.cpp model each has `places` tokens with its request, at most."""
    if isinstance(engine, SharedEngine):
        return LaneDesk(engine, DeskHow(rows, places))
    if isinstance(engine, Remote):
        return PoolDesk(engine, workers=rows)
    return PoolDesk(engine, workers=1, each=rows)
