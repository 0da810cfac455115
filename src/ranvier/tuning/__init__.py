"""Floor 8: many candidates of one network trained together, and the best of them found."""

from .candidates import grid
from .population import Population
from .result import PopulationResult

__all__ = ["Population", "PopulationResult", "grid"]
