"""Growth: the arithmetic, the table and the picture, from invented times."""

import pytest
from benchmarks.growth import AXES, Net, draw, flops, table

FOUND = {
    "machine": {"cpu": "Abacus", "cores": 2},
    "rounds": 2,
    "axes": {
        axis: [{"size": s, "ranvier": 0.1, "keras-jax": 0.3, "ratios": [2.0, 4.0], "gemm_peak": 1e10} for s in sizes]
        for axis, sizes in AXES.items()
    },
}


def test_products_are_counted_forward_and_twice_back_but_for_the_inputs():
    assert flops(Net(width=10, depth=1, samples=1)) == 2 * (2 * 784 * 10 + 3 * 10 * 10)
    assert flops(Net(width=10, depth=3, samples=2)) == 4 * (2 * 784 * 10 + 3 * (100 + 100 + 100))


def test_the_table_has_a_line_for_every_size():
    text = table(FOUND)
    assert text.count("\n| ") == 1 + sum(map(len, AXES.values()))
    share = flops(Net()) / 0.1 / 1e10
    assert f"| width | 128 | 100 ms | 300 ms | 3.0 | {share:.0%} |" in text
    assert "Abacus, 2 cores; products of 2,048 × 2,048 matrices reached 10 to 10 GFLOP/s" in text


def test_the_picture_is_a_png(tmp_path):
    from matplotlib.image import imread

    draw(FOUND, tmp_path / "new" / "g.png")
    assert imread(tmp_path / "new" / "g.png").shape[1] == pytest.approx(12 * 110, abs=2)
