"""Cases of the catalogue: adaptive pooling."""

from .case import Case

__all__ = ["CASES"]

FIRST = {"data_format": "channels_first"}

CASES: list[Case] = [
    case
    for kind in ("Average", "Max")
    for case in (
        Case(f"Adaptive{kind}Pooling1D", {"output_size": 3}, (2, 7, 4)),
        Case(f"Adaptive{kind}Pooling1D", {"output_size": (5,), **FIRST}, (2, 4, 7)),
        Case(f"Adaptive{kind}Pooling2D", {"output_size": 2}, (2, 6, 4, 3)),
        Case(f"Adaptive{kind}Pooling2D", {"output_size": (4, 3)}, (2, 6, 5, 3)),
        Case(f"Adaptive{kind}Pooling2D", {"output_size": (1, 7), **FIRST}, (2, 3, 6, 5)),
        Case(f"Adaptive{kind}Pooling3D", {"output_size": (2, 3, 1)}, (2, 4, 5, 3, 2)),
    )
]
