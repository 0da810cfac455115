"""Nested structures as Keras walks them."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import pytest

from ranvier import tree
from ranvier.core.errors import ArgumentError, ArgumentTypeError

Pair = namedtuple("Pair", "x y")
STRUCTURES = [
    {"b": [1, 2, None], "a": (3, {"z": 4})},
    [],
    5,
    None,
    Pair(1, [2]),
    OrderedDict([("b", 1), ("a", 2)]),
    defaultdict(list, {"b": 1, "a": 2}),
    deque([1, (2,)]),
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_walks_are_those_of_keras(structure):
    theirs = keras.tree
    assert tree.flatten(structure) == theirs.flatten(structure)
    assert tree.flatten_with_path(structure) == theirs.flatten_with_path(structure)
    assert tree.is_nested(structure) == theirs.is_nested(structure)
    double = lambda x: (x, x)  # noqa: E731
    for mapped in (tree.map_structure(double, structure), tree.map_structure_up_to(structure, double, structure)):
        assert mapped == theirs.map_structure(double, structure)
        assert type(mapped) is type(theirs.map_structure(double, structure))
    packed = tree.pack_sequence_as(structure, range(len(tree.flatten(structure))))
    assert packed == theirs.pack_sequence_as(structure, range(len(theirs.flatten(structure))))
    assert tree.lists_to_tuples(structure) == theirs.lists_to_tuples(structure)
    tree.assert_same_structure(structure, structure)
    tree.assert_same_paths(structure, structure)


def test_several_structures_are_matched_by_key_and_none_may_be_no_leaf():
    pair = lambda a, b: (a, b)  # noqa: E731
    first, second = {"b": 1, "a": [2]}, {"a": [3], "b": 4}
    assert tree.map_structure(pair, first, second) == keras.tree.map_structure(pair, first, second)
    assert list(tree.map_structure(pair, first, second)) == ["b", "a"]
    assert tree.map_structure(lambda x: x + 1, [1, None], none_is_leaf=False) == [2, None]
    deep = ([1, 2], {"a": [3]})
    assert tree.map_structure_up_to((0, 0), lambda x: x, deep) == keras.tree.map_structure_up_to(
        (0, 0), lambda x: x, deep
    )


@pytest.mark.parametrize(
    ("a", "b"), [([1, 2], [1, 2, 3]), ([1], (1,)), ({"a": 1}, {"b": 1}), ([1, 2], [3, (4,)]), ([[1]], [1])]
)
def test_structures_that_differ_are_refused_as_by_keras(a, b):
    for package in (tree, keras.tree):
        with pytest.raises(ValueError):
            package.assert_same_structure(a, b)
        with pytest.raises(ValueError):
            package.map_structure(lambda x, y: x, a, b)


@pytest.mark.parametrize(
    ("a", "b", "same"), [([1, 2], (1, 2), True), ({"0": 1}, [1], False), ({0: 1}, [1], True), ([1], [1, 2], False)]
)
def test_paths_are_compared_without_the_kinds_of_containers(a, b, same):
    for package in (tree, keras.tree):
        if same:
            package.assert_same_paths(a, b)
        else:
            with pytest.raises(ValueError, match="paths"):
                package.assert_same_paths(a, b)


def test_traversal_from_the_top_and_from_the_leaves():
    structure = [1, [2, 3], {"a": None}]
    for package in (tree, keras.tree):
        none = package.MAP_TO_NONE
        change = lambda x: none if x == 1 else x * 10 if isinstance(x, int) else None  # noqa: B023, E731
        assert package.traverse(change, structure) == [None, [20, 30], {"a": None}]
        whole = lambda x: "pair" if x == [2, 3] else None  # noqa: E731
        assert package.traverse(whole, structure) == [1, "pair", {"a": None}]
        assert package.traverse(lambda x: tuple(x) if isinstance(x, list) else x, [1, [2]], top_down=False) == (1, (2,))


def test_shapes_are_leaves_of_structures_of_shapes():
    shapes = {"a": (1, 2), "b": [(None, 3), [4, 5], ()]}
    assert tree.map_shape_structure(tuple, shapes) == keras.tree.map_shape_structure(tuple, shapes)
    assert tree.map_shape_structure(lambda s: s, [None, (2,)]) == [None, (2,)]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ArgumentError, match="2 leaves"):
        tree.pack_sequence_as([0, 0], [1])
    with pytest.raises(ArgumentTypeError, match="sequence"):
        tree.pack_sequence_as([0], 5)
    with pytest.raises(ArgumentTypeError, match="callable"):
        tree.map_structure(3, [1])
    with pytest.raises(ArgumentError, match="at least one"):
        tree.map_structure(len)
    with pytest.raises(ArgumentError, match="shape"):
        tree.map_shape_structure(len, "abc")
