"""Who is measured: one line a peer, with what it needs and the environment that selects it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["OURS", "PEERS", "Peer", "choose", "installed", "versions"]

_CONVOLUTIONS = frozenset({"cnn", "cifar", "mobile"})
_NETWORKS = frozenset({"b2", "lstm", "transformer", "embedding"}) | _CONVOLUTIONS
_ANY_MLP = frozenset({"import", "startup", "toy", "digits", "predict", "latency"})
EVERYWHERE = _ANY_MLP | _NETWORKS


@dataclass(frozen=True)
class Peer:
    """One way to do the work.

    Args:
        key: its name on the command line and in the JSON.
        label: its name for people.
        worker: the module in ``benchmarks.work`` that runs it.
        module: what it imports; for the Keras API, the module that is passed to the workloads.
        needs: distributions that must be installed, by import name.
        colour: from the palette of Okabe and Ito, told apart by colour-blind eyes too.
        workloads: what it takes part in.
        environment: variables that select it.
        empty_cache: every process gets a fresh cache folder, and stops once it has shown its cold start.
        optional: distributions that it uses where they are installed, by import name.
    """

    key: str
    label: str
    worker: str
    module: str
    needs: dict[str, str]
    colour: str
    workloads: frozenset[str] = EVERYWHERE
    environment: dict[str, str] = field(default_factory=dict)
    empty_cache: bool = False
    optional: dict[str, str] = field(default_factory=dict)


def _keras(
    backend: str, label: str, needs: dict[str, str], colour: str, workloads: frozenset[str] = EVERYWHERE
) -> Peer:
    return Peer(
        f"keras-{backend}",
        f"Keras on {label}",
        "keras_api",
        "keras",
        {"keras": "keras", **needs},
        colour,
        workloads,
        environment={"KERAS_BACKEND": {"tf": "tensorflow", "torch": "torch", "jax": "jax"}[backend]},
    )


_OURS = {"ranvier": "ranvier", "jax": "jax", "jaxlib": "jaxlib"}
_KERNELS = {"ranvier_kernels": "ranvier-kernels"}

PEERS: tuple[Peer, ...] = (
    Peer(
        "ranvier",
        "ranvier",
        "keras_api",
        "ranvier",
        _OURS,
        "#0072B2",
        EVERYWHERE | {"accuracy", "population", "streaming", "folder"},
        optional=_KERNELS,
    ),
    # Without the package of compiled kernels, "ranvier" is this already.
    Peer(
        "ranvier-pure",
        "ranvier without kernels",
        "keras_api",
        "ranvier",
        _OURS | _KERNELS,
        "#332288",
        _CONVOLUTIONS,
        environment={"RANVIER_KERNELS": "0"},
    ),
    Peer(
        "ranvier-empty",
        "ranvier, empty cache",
        "keras_api",
        "ranvier",
        _OURS,
        "#56B4E9",
        frozenset({"startup", "toy", "digits"}),
        empty_cache=True,
    ),
    _keras("jax", "JAX", {"jax": "jax", "jaxlib": "jaxlib"}, "#E69F00", EVERYWHERE | {"population"}),
    _keras("tf", "TensorFlow", {"tensorflow": "tensorflow"}, "#D55E00", EVERYWHERE | {"folder"}),
    _keras("torch", "PyTorch", {"torch": "torch"}, "#CC79A7"),
    Peer("torch", "PyTorch loop", "pytorch_loop", "torch", {"torch": "torch"}, "#009E73"),
    Peer(
        "torch-last",
        "PyTorch loop, channels-last",
        "pytorch_loop",
        "torch",
        {"torch": "torch"},
        "#F0E442",
        _CONVOLUTIONS,
        environment={"BENCHMARK_CHANNELS_LAST": "1"},
    ),
    Peer(
        "sklearn",
        "scikit-learn",
        "scikit_learn",
        "sklearn.neural_network",
        {"sklearn": "scikit-learn"},
        "#999999",
        _ANY_MLP,
    ),
)
OURS = frozenset(p.key for p in PEERS if p.module == "ranvier")


def choose(names: Iterable[str] | None) -> list[Peer]:
    """The peers of these keys, in the table's order; all for None. Raises ValueError for an unknown key."""
    if names is None:
        return list(PEERS)
    wanted, known = list(names), [p.key for p in PEERS]
    if unknown := [n for n in wanted if n not in known]:
        raise ValueError(f"unknown peer {', '.join(unknown)}; known: {', '.join(known)}")
    return [p for p in PEERS if p.key in wanted]


def installed(peer: Peer) -> bool:
    """Whether everything the peer needs can be imported; nothing is imported to find out."""
    return all(importlib.util.find_spec(name) is not None for name in peer.needs)


def versions(peer: Peer) -> dict[str, str]:
    """Versions of what the peer needs and of what it uses where it is there, by import name."""
    found = {}
    for name, distribution in (peer.needs | peer.optional).items():
        # TensorFlow comes under several distributions, and importing it to ask would take seconds.
        for candidate in (distribution, f"{distribution}-cpu"):
            try:
                found[name] = importlib.metadata.version(candidate)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return found
