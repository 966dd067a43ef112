"""Where many ask one engine at once: the desk that fits an engine."""

from kubestill.tools.engines.api import Desk, Engine
from kubestill.tools.engines.desk_lanes import DeskHow, LaneDesk
from kubestill.tools.engines.desk_pools import PoolDesk, Remote
from kubestill.tools.engines.local import SharedEngine


def desk_for(engine: Engine, how: DeskHow) -> Desk:
    """Return a desk that writes `how.rows` answers at once; what is said of tokens and lanes holds for llama.cpp's models."""
    if isinstance(engine, SharedEngine):
        return LaneDesk(engine, how)
    if isinstance(engine, Remote):
        return PoolDesk(engine, workers=how.rows)
    return PoolDesk(engine, workers=1, each=how.rows)
