"""`preprocessing.image` of the face: transforms beside those of ``tf.keras``, and what generators promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras.src.legacy.preprocessing.image as theirs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier
from ranvier.compat import face

image = face("keras.preprocessing.image")
R = np.random.default_rng(0)
SQUARE = R.uniform(0, 255, size=(9, 9, 3)).astype("float32")
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}


def _odd(least: float, most: float) -> st.SearchStrategy[float]:
    """Numbers that put no point onto the very edge of an image, where rounding decides what is outside."""
    return st.integers(0, 1000).map(lambda k: least + (most - least) * (k + 0.377) / 1001)


@given(
    st.fixed_dictionaries({}, optional={
        "theta": _odd(-180, 180), "tx": _odd(-4, 4), "ty": _odd(-4, 4), "shear": _odd(-60, 60),
        "zx": _odd(0.3, 2), "zy": _odd(0.3, 2),
    }),
    st.sampled_from(["nearest", "constant", "reflect", "wrap"]), st.booleans(),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the oracle
def test_affine_transforms_of_square_images_are_keras_s(move: dict[str, float], fill: str, first: bool):
    x = np.moveaxis(SQUARE, -1, 0) if first else SQUARE
    options = {**move, "fill_mode": fill, "cval": 7.0} | ({} if first else LAST)
    ours, wanted = (m.apply_affine_transform(x.copy(), **options) for m in (image, theirs))
    assert ours.shape == wanted.shape
    np.testing.assert_allclose(ours, wanted, atol=2e-2)


@pytest.mark.parametrize("shape", [(6, 10, 2), (11, 4, 1)])
def test_images_that_are_not_square_turn_about_their_centre(shape: tuple[int, ...]):
    x = R.normal(size=shape)
    turned = image.apply_affine_transform(x, theta=180, **LAST)
    np.testing.assert_allclose(turned, x[::-1, ::-1], atol=1e-9)
    np.testing.assert_array_equal(image.apply_affine_transform(x, **LAST), x)
    moved = image.apply_affine_transform(x, tx=1, ty=2, fill_mode="constant", cval=5.0, **LAST)
    np.testing.assert_allclose(moved[:-2, :-1], x[2:, 1:])
    assert (moved[-2:] == 5).all()
    with pytest.raises(ValueError, match="three axes"):
        image.apply_affine_transform(x, row_axis=0, col_axis=0)
    with pytest.raises(ValueError, match="fill_mode must be"):
        image.apply_affine_transform(x, theta=3, fill_mode="mirror")


def test_the_other_transforms():
    np.testing.assert_array_equal(image.apply_channel_shift(SQUARE, 20.0), theirs.apply_channel_shift(SQUARE, 20.0))
    for x in (SQUARE, SQUARE - 100, SQUARE / 255):
        for scale in (True, False):
            ours, wanted = (m.apply_brightness_shift(x, 0.6, scale) for m in (image, theirs))
            np.testing.assert_array_equal(ours, wanted)
    for function, options in [
        ("random_rotation", {"rg": 90}), ("random_shear", {"intensity": 30}), ("random_zoom", {"zoom_range": (0.5, 1.5)}),
        ("random_shift", {"wrg": 0.3, "hrg": 0.3}),
    ]:  # fmt: skip
        np.random.seed(3)
        changed = getattr(image, function)(SQUARE, **options, **LAST)
        np.random.seed(3)
        np.testing.assert_array_equal(getattr(image, function)(SQUARE, **options, **LAST), changed)
        assert changed.shape == SQUARE.shape
        assert not np.array_equal(changed, SQUARE)
    assert image.random_brightness(SQUARE, (0.0, 0.0)).max() == 0
    assert image.random_channel_shift(SQUARE, 30).shape == SQUARE.shape
    for function in (image.random_zoom, image.random_brightness):
        with pytest.raises(ValueError, match="pair of factors"):
            function(SQUARE, (1, 2, 3))


STANDARDIZATIONS = [
    {"rescale": 1 / 255}, {"samplewise_center": True}, {"samplewise_std_normalization": True}, {"featurewise_center": True},
    {"featurewise_std_normalization": True}, {"zca_whitening": True}, {"preprocessing_function": lambda x: x * 2, "rescale": 0.1},
]  # fmt: skip


@pytest.mark.parametrize("options", STANDARDIZATIONS, ids=lambda o: next(iter(o)))
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # of the oracle
def test_standardization_is_keras_s(options: dict[str, Any], data_format: str):
    x = R.uniform(0, 255, size=(12, 4, 5, 3)).astype("float32")
    x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    found = []
    for module in (image, theirs):
        generator = module.ImageDataGenerator(**options, data_format=data_format)
        generator.fit(x)
        found.append(np.stack([generator.standardize(one.copy()) for one in x]))
    np.testing.assert_allclose(found[0], found[1], rtol=2e-3, atol=2e-3 * np.abs(found[1]).max())


def test_what_was_not_measured_says_so():
    with pytest.raises(ValueError, match=r"Call fit\(x\) on this ImageDataGenerator first: it measures the mean"):
        image.ImageDataGenerator(featurewise_center=True).standardize(SQUARE)
    for bad in ({"zoom_range": (1, 2, 3)}, {"brightness_range": (1,)}, {"validation_split": 1.5}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            image.ImageDataGenerator(**bad)
    with pytest.raises(ValueError, match="4 axes"):
        image.ImageDataGenerator().fit(SQUARE)


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_random_changes_stay_within_the_ranges(seed: int):
    generator = image.ImageDataGenerator(
        rotation_range=20, width_shift_range=0.25, height_shift_range=3, shear_range=10, zoom_range=0.2,
        channel_shift_range=5, brightness_range=(0.5, 1.5), horizontal_flip=True, vertical_flip=True,
    )  # fmt: skip
    how = generator.get_random_transform((40, 20, 3), seed)
    assert how == generator.get_random_transform((40, 20, 3), seed)
    assert set(how) == set(theirs.ImageDataGenerator(rotation_range=20).get_random_transform((40, 20, 3)))
    assert abs(how["theta"]) <= 20
    assert abs(how["tx"]) <= 5, "a share of the width"
    assert how["ty"] in range(-2, 3), "an integer of pixels below 3"
    assert abs(how["shear"]) <= 10
    assert 0.8 <= min(how["zx"], how["zy"]) <= max(how["zx"], how["zy"]) <= 1.2
    assert abs(how["channel_shift_intensity"]) <= 5
    assert 0.5 <= how["brightness"] <= 1.5
    x = R.uniform(0, 255, size=(8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(generator.random_transform(x, seed), generator.random_transform(x, seed))
    listed = image.ImageDataGenerator(width_shift_range=[2, 5]).get_random_transform((9, 9, 3), seed)
    assert abs(listed["tx"]) in (2, 5)
    flipped = generator.apply_transform(x, {"flip_horizontal": True, "flip_vertical": True})
    np.testing.assert_array_equal(flipped, x[::-1, ::-1])


def test_height_shifts_move_rows_and_width_shifts_columns():
    x = np.arange(12.0).reshape(3, 4, 1)
    down = image.ImageDataGenerator(height_shift_range=[1]).random_transform(x, 1)
    assert np.array_equal(down[1], x[0]) or np.array_equal(down[0], x[1])
    aside = image.ImageDataGenerator(width_shift_range=[1]).random_transform(x, 1)
    assert np.array_equal(aside[:, 1], x[:, 0]) or np.array_equal(aside[:, 0], x[:, 1])


def test_batches_of_arrays():
    x, y = np.arange(7.0).reshape(7, 1, 1, 1), np.arange(7)
    plain = image.ImageDataGenerator()
    flow = plain.flow(x, y, batch_size=3, shuffle=False)
    assert (len(flow), flow.n) == (3, 7)
    assert [next(flow)[1].tolist() for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2]]
    flow.reset()
    assert flow.next()[1].tolist() == [0, 1, 2]
    assert flow[-1][1].tolist() == [6]
    with pytest.raises(IndexError):
        flow[3]
    mixed = plain.flow(x, y, batch_size=3, seed=1)
    epochs = [[label for _ in range(3) for label in next(mixed)[1].tolist()] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(7))
    assert epochs[0] != epochs[1]
    again = plain.flow(x, y, batch_size=3, seed=1)
    assert [label for _ in range(3) for label in next(again)[1].tolist()] == epochs[0]
    assert next(plain.flow(x, batch_size=7, shuffle=False)).shape == (7, 1, 1, 1)
    weighted = next(plain.flow(x, y, sample_weight=y * 2, batch_size=7, shuffle=False))
    assert weighted[2].tolist() == (y * 2).tolist()
    inputs, _ = next(plain.flow((x, [y * 3, y * 4]), y, batch_size=2, shuffle=False))
    assert [part.ravel().tolist() for part in inputs] == [[0, 1], [0, 3], [0, 4]]


def test_subsets_of_arrays():
    x, y = np.zeros((10, 2, 2, 1)), np.tile([0, 1], 5)
    split = image.ImageDataGenerator(validation_split=0.2)
    training, validation = (split.flow(x, y, subset=s) for s in ("training", "validation"))
    assert (training.n, validation.n) == (8, 2)
    with pytest.raises(ValueError, match="sorted by class"):
        split.flow(x, np.sort(y), subset="training")
    assert split.flow(x, np.sort(y), subset="training", ignore_class_split=True).n == 8
    with pytest.raises(ValueError, match="needs ImageDataGenerator"):
        image.ImageDataGenerator().flow(x, y, subset="training")
    with pytest.raises(ValueError, match="must be 'training'"):
        split.flow(x, y, subset="test")
    with pytest.raises(ValueError, match="equally long"):
        split.flow(x, y[1:])
    with pytest.raises(ValueError, match="4 axes"):
        split.flow(x[0], y)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["cats", "dogs", "mice"]):
        (tmp_path / name).mkdir()
        for i in range(4):
            image.save_img(tmp_path / name / f"{i}.png", np.full((6, 5, 3), 40 * number + i, "float32"), scale=False)
    (tmp_path / "cats" / "note.txt").write_text("no image")
    return tmp_path


def test_batches_of_a_folder_are_keras_s(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = []
    for module in (image, theirs):
        flow = module.ImageDataGenerator(rescale=1 / 255).flow_from_directory(
            str(folder), target_size=(4, 4), batch_size=5, shuffle=False, class_mode="sparse"
        )
        found.append([np.concatenate(parts) for parts in zip(*(flow[i] for i in range(len(flow))), strict=True)])
        assert flow.class_indices == {"cats": 0, "dogs": 1, "mice": 2}
        assert flow.classes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
        assert (flow.samples, flow.num_classes, flow.image_shape) == (12, 3, (4, 4, 3))
        assert flow.filenames[0] == str(Path("cats") / "0.png")
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_array_equal(found[0][1], found[1][1])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Found 12 images belonging to 3 classes."


def test_modes_of_targets_and_subsets_of_folders(folder: Path, tmp_path: Path):
    generator = image.ImageDataGenerator(validation_split=0.25)
    options = {"directory": folder, "target_size": (4, 4), "shuffle": False}
    rows = generator.flow_from_directory(**options, batch_size=12)[0][1]
    np.testing.assert_array_equal(rows, np.repeat(np.eye(3), 4, axis=0))
    binary = generator.flow_from_directory(**options, classes=["mice", "cats"], class_mode="binary", batch_size=12)
    assert binary[0][1].tolist() == [0] * 4 + [1] * 4
    same = generator.flow_from_directory(**options, class_mode="input", color_mode="grayscale")[0]
    np.testing.assert_array_equal(*same)
    assert same[0].shape == (12, 4, 4, 1)
    assert generator.flow_from_directory(**options, class_mode=None)[0].shape == (12, 4, 4, 3)
    parts = [generator.flow_from_directory(**options, subset=s) for s in ("training", "validation")]
    assert [p.samples for p in parts] == [9, 3]
    assert not set(parts[0].filenames) & set(parts[1].filenames)
    with pytest.raises(ValueError, match="class_mode must be one of"):
        generator.flow_from_directory(**options, class_mode="other")
    with pytest.raises(ValueError, match="color_mode must be one of"):
        generator.flow_from_directory(**options, color_mode="cmyk")
    saved = tmp_path / "changed"
    saved.mkdir()
    generator.flow_from_directory(**options, save_to_dir=saved, save_prefix="a")[0]
    assert len(list(saved.glob("a_*.png"))) == 12


def test_batches_of_a_table(folder: Path):
    import pandas as pd

    table = pd.DataFrame(
        {"filename": ["cats/0.png", "dogs/1.png", "mice/2.png", "gone.png"], "class": ["cat", "dog", "cat", "dog"],
         "size": [1.0, 2.0, 3.0, 4.0], "weight": [0.1, 0.2, 0.3, 0.4]}
    )  # fmt: skip
    generator = image.ImageDataGenerator()
    options = {"dataframe": table, "directory": str(folder), "target_size": (4, 4), "shuffle": False}
    flow = generator.flow_from_dataframe(**options)
    assert (flow.samples, flow.class_indices) == (3, {"cat": 0, "dog": 1})
    assert flow[0][1].tolist() == [[1, 0], [0, 1], [1, 0]]
    assert flow.classes == [0, 1, 0]
    assert flow.labels == [0, 1, 0]
    raw = generator.flow_from_dataframe(**options, y_col="size", class_mode="raw", weight_col="weight")
    assert [part.tolist() for part in raw[0][1:]] == [[1, 2, 3], [0.1, 0.2, 0.3]]
    two = generator.flow_from_dataframe(**options, y_col=["size", "weight"], class_mode="raw")[0][1]
    np.testing.assert_array_equal(two, [[1, 0.1], [2, 0.2], [3, 0.3]])
    several = generator.flow_from_dataframe(**options, y_col=["size", "weight"], class_mode="multi_output")
    assert [t.tolist() for t in several[0][1]] == [[1, 2, 3], [0.1, 0.2, 0.3]]
    assert several.labels[0].tolist() == [1, 2, 3]
    assert generator.flow_from_dataframe(**options, class_mode=None)[0].shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(*generator.flow_from_dataframe(**options, class_mode="input")[0])
    assert generator.flow_from_dataframe(**options, class_mode="sparse")[0][1].tolist() == [0, 1, 0]
    table["class"] = [["cat"], ["cat", "dog"], ["bird"], ["dog"]]
    many = generator.flow_from_dataframe(**options, classes=["cat", "dog"])
    assert many[0][1].tolist() == [[1, 0], [1, 1]]
    with pytest.raises(ValueError, match="no argument 'sorted'"):
        generator.flow_from_dataframe(**options, sorted=True)


@pytest.mark.parametrize("workers", [1, 3])
def test_models_train_on_them(folder: Path, workers: int):
    flow = image.ImageDataGenerator(rescale=1 / 120, horizontal_flip=True).flow_from_directory(
        folder, target_size=(4, 4), batch_size=4, seed=1
    )
    flow.workers = workers
    model = ranvier.Sequential([ranvier.Input((4, 4, 3)), ranvier.layers.Flatten(), ranvier.layers.Dense(3, "softmax")])
    model.compile(ranvier.optimizers.Adam(0.05), "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(flow, epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.9
    again = image.ImageDataGenerator(rescale=1 / 120).flow_from_directory(
        folder, target_size=(4, 4), batch_size=5, shuffle=False, class_mode=None
    )
    assert (model.predict(again, verbose=0).argmax(-1) == flow.classes).mean() > 0.9


def test_an_iterator_of_ones_own():
    class Ones(image.Iterator):
        def _batch(self, places: np.ndarray, seed: int | None) -> Any:
            return np.ones(len(places)), seed

    assert next(Ones(3, 2, False, 5))[1] == 6
    assert next(iter(Ones(3, 2, False, None)))[1] is None
    with pytest.raises(ValueError, match="must define how a batch is made"):
        image.Iterator(3, 2, False, None)[0]
    with pytest.raises(StopIteration):
        next(Ones(0, 2, False, None))
