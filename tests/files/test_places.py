"""What a model owns in attributes and containers of any depth is trained, written and read: one law, every format."""

from __future__ import annotations

import collections

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.core.errors import SerializationError

Pair = collections.namedtuple("Pair", "first second")
ATTRIBUTES = ["alpha", "kind", "layers_", "omega", "stages", "_private"]  # before and after "layers", in Keras's order


def containers(sets):
    leaf = st.one_of(st.integers(0, 2), st.just("variable"), st.just("again"), st.none())
    kinds = ["list", "tuple", "dict", "pair", "deque", "set"] if sets else ["list", "tuple", "dict", "pair"]
    return st.recursive(leaf, lambda c: st.tuples(st.sampled_from(kinds), st.lists(c, max_size=3)), max_leaves=7)


def models(sets):
    attributes = st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=4, unique=True)
    return st.tuples(
        st.sampled_from(["Model", "Sequential", "Layer"]),
        attributes.flatmap(lambda names: st.tuples(*(st.tuples(st.just(n), containers(sets)) for n in names))),
    )


def made(k, described):
    """A model, or a chain around a layer, with the attributes described; and all it owns in the order of making."""
    kind, entries = described
    parts = []

    def part(what):
        if what is None:
            return "text"
        if what == "again" and parts:
            return parts[0]
        if what in ("variable", "again"):
            parts.append(k.Variable(np.zeros(2, "float32"), name=f"v{len(parts)}"))
        elif isinstance(what, int):
            parts.append((k.layers.Dense, k.layers.LayerNormalization, k.layers.EinsumDense)[what](*ARGUMENTS[what]))
            parts[-1].build((None, 3))
        else:
            kind, inside = what
            items = [part(one) for one in (inside[:2] if kind == "pair" else inside)]
            if kind == "dict":
                return {f"k{i}": item for i, item in enumerate(items)}
            if kind == "pair":
                return Pair(items[0] if items else None, items[1] if len(items) > 1 else None)
            if kind == "set":
                flat = {item for item in items if isinstance(item, (str, k.layers.Layer, k.Variable))}
                return [flat, *(item for item in items if isinstance(item, (list, tuple, dict, collections.deque)))]
            return {"list": list, "tuple": tuple, "deque": collections.deque}[kind](items)
        return parts[-1]

    def give(owner):
        for name, what in entries:
            setattr(owner, name, part(what))

    class Holder(k.layers.Layer):
        def __init__(self):
            super().__init__()
            give(self)

        def call(self, x):
            return x * 1.0

    class Chain(k.Sequential):
        def __init__(self):
            super().__init__([k.Input((3,)), k.layers.Dense(2)])
            parts.append(self.layers[0])
            give(self)

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            give(self)

        def call(self, x):
            return x * 1.0

    model = {"Layer": lambda: k.Sequential([k.Input((3,)), Holder()]), "Sequential": Chain, "Model": Net}[kind]()
    model(np.ones((1, 3), "float32"))
    return model, parts


ARGUMENTS = [(2,), (), ("ab,bc->ac", 2)]


def values(parts, fill=False):
    found, count = [], 0
    for part in parts:
        for variable in part.weights if hasattr(part, "weights") else [part]:
            if fill:
                count += 1
                variable.assign(np.full(variable.shape, count))
            found.append(np.asarray(variable))
    return found


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors", ".weights.json"])
@settings(max_examples=60, deadline=None)
@given(described=models(sets=True))
def test_everything_is_weights_and_comes_back(ending, described, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / f"w{ending}"
    model, parts = made(ranvier, described)
    before = values(parts, fill=True)
    owned = {id(v) for part in parts for v in (part.weights if hasattr(part, "weights") else [part])}
    assert {id(v) for v in model.weights} == {id(v) for v in model.trainable_weights} == owned
    model.save_weights(path, max_shard_size=1 if ending.endswith("json") else None)
    again, others = made(ranvier, described)
    report = again.load_weights(path)
    assert len(report.taken) == len(model.weights) == len(before)
    assert not report.unused
    for one, two in zip(before, values(others), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("writer", "reader"), [(ranvier, keras), (keras, ranvier)], ids=["here", "there"])
@settings(max_examples=40, deadline=None)
@given(described=models(sets=False))
def test_keras_has_the_same_places(writer, reader, described, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "w.weights.h5"
    model, parts = made(writer, described)
    before = values(parts, fill=True)
    model.save_weights(path)
    again, others = made(reader, described)
    again.load_weights(path)
    for one, two in zip(before, values(others), strict=True):
        np.testing.assert_array_equal(one, two)


class Net(ranvier.Model):
    def __init__(self, extra=False, hidden=False):
        super().__init__(name="net")
        self.out = ranvier.layers.Dense(2, name="out")
        if extra:
            self.more = [[ranvier.layers.Dense(2)]]
        self.out.build((None, 3))
        if extra:
            self.more[0][0].build((None, 3))
        self.hidden = Opaque() if hidden else None
        self.built = True

    def call(self, x):
        return self.out(x)

    @property
    def weights(self):
        return super().weights + ([self.hidden.variable] if self.hidden else [])


class Opaque:
    def __init__(self):
        self.variable = ranvier.Variable(1.0, name="nowhere")


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors"])
def test_what_has_no_place_stops_the_save(ending, tmp_path):
    with pytest.raises(SerializationError, match="'nowhere'"):
        Net(hidden=True).save_weights(tmp_path / f"w{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors"])
def test_what_nobody_takes_or_the_file_lacks_stops_the_load(ending, tmp_path):
    small, large = Net(), Net(extra=True)
    large.save_weights(tmp_path / f"large{ending}")
    small.save_weights(tmp_path / f"small{ending}")
    before = [np.asarray(w) for w in (*small.weights, *large.weights)]
    with pytest.raises(SerializationError, match="2 weights that no layer of"):
        small.load_weights(tmp_path / f"large{ending}")
    with pytest.raises(SerializationError, match=r"has (2|0) weights of its own|2 weights that"):
        large.load_weights(tmp_path / f"small{ending}")
    for one, two in zip(before, (*small.weights, *large.weights), strict=True):
        np.testing.assert_array_equal(one, two)  # nothing was taken
    assert len(small.load_weights(tmp_path / f"large{ending}", skip_mismatch=True).unused) == 2


def test_files_of_older_versions_are_read(tmp_path):
    """They placed every layer under its attribute, also those after "layers"."""
    model = Net()
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for i, value in enumerate([np.full((3, 2), 5.0, "float32"), np.full(2, 6.0, "float32")]):
            file[f"out/vars/{i}"] = value
    assert model.load_weights(tmp_path / "w.weights.h5").complete
    assert float(model.out.kernel[0, 0]) == 5.0
