"""What runs a network, behind one small interface: tensors in, logits, maps and embedding out.

`litert` is what workers and the command line use where a model has a compiled form: it starts at once, needs
little memory, and knows no gradients. `tensorflow` runs every network, trains and converts. Neither is
imported before it is asked for, and each runs where the other is not installed (ADR 14).
"""

from inference.engines.base import Engine, Explained
from inference.engines.choice import ENGINES, engine_of, load_engine

__all__ = ["ENGINES", "Engine", "Explained", "engine_of", "load_engine"]
