"""Datasets of folders give what Keras's give: the same files, split, pixels and labels; and refuse what makes no sense."""

import wave

import keras
import numpy as np
import pytest
from PIL import Image

from ranvier import layers, models, utils
from ranvier.core.errors import ArgumentError, DataError

SIZE = {"image_size": (6, 9), "batch_size": 4}


@pytest.fixture(autouse=True)
def quiet():
    utils.disable_interactive_logging()
    keras.utils.disable_interactive_logging()
    yield
    utils.enable_interactive_logging()
    keras.utils.enable_interactive_logging()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two classes, one with a folder inside, of small images of several sizes, modes and formats."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name, count in (("b", 5), ("a", 4)):
        (root / name / "inner").mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (7 + i, 10, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
        Image.fromarray(pixels[..., 0]).save(root / name / "inner" / "gray.PNG")
        Image.fromarray(pixels).save(root / name / "inner" / "z.bmp")
    (root / "a" / "note.txt").write_text("no image")
    (root / ".hidden").mkdir()
    return root


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for name in "ba":
        (root / name).mkdir()
        for i in range(3):
            (root / name / f"{i}.txt").write_bytes(f"text {name}{i}\r\n".encode())
    return root


def _both(function, *args, **kwargs):
    return getattr(utils, function)(*args, **kwargs), getattr(keras.utils, function)(*args, **kwargs)


def _same(ours, theirs, tolerance=0.0):
    ours, theirs = list(ours), list(theirs.as_numpy_iterator())
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        pairs = zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]
        for x, y in pairs:
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"label_mode": "binary"},
        {"label_mode": "categorical"},
        {"label_mode": None},
        {"labels": None},
        {"labels": [0, 1, 2] * 4 + [1]},
        {"labels": [0, 1, 2] * 4 + [1], "label_mode": "categorical"},
        {"class_names": ["b", "a"]},
        {"class_names": ["b"]},
        {"batch_size": None},
        {"color_mode": "rgba"},
        {"data_format": "channels_first"},
        {"validation_split": 0.3, "subset": "training", "shuffle": False},
        {"validation_split": 0.3, "subset": "validation", "shuffle": False},
    ],
    ids=str,
)
def test_images_in_order(images, arguments):
    ours, theirs = _both("image_dataset_from_directory", images, **{**SIZE, "shuffle": False, **arguments})
    assert ours.class_names == theirs.class_names
    assert ours.file_paths == theirs.file_paths
    assert len(ours) == len(theirs)
    _same(ours, theirs, 1e-4)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
                                           "mitchellcubic"])  # fmt: skip
@pytest.mark.parametrize("size", [(6, 9), (17, 23)])
def test_interpolations(images, interpolation, size):
    arguments = {"image_size": size, "batch_size": 1, "shuffle": False, "interpolation": interpolation}
    # TensorFlow's bicubic reads its kernel off a table of 1024 entries; whether a pixel at the very edge of the Gaussian,
    # where it is not quite 0, still counts, depends on its rounding.
    _same(
        *_both("image_dataset_from_directory", images, **arguments),
        {"bicubic": 0.5, "gaussian": 3}.get(interpolation, 1e-3),
    )


@pytest.mark.parametrize("how", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
@pytest.mark.parametrize("size", [(5, 5), (4, 12), (12, 4), (20, 21)])
def test_aspect_ratios(images, how, size):
    _same(
        *_both("image_dataset_from_directory", images, image_size=size, batch_size=1, shuffle=False, **{how: True}),
        1e-3,
    )


def test_gray_is_pillows(tmp_path, rng):
    """TensorFlow's own weights of red, green and blue differ by one in rounding."""
    (tmp_path / "a").mkdir()
    Image.fromarray(rng.integers(0, 256, (20, 20, 3)).astype(np.uint8)).save(tmp_path / "a" / "x.png")
    arguments = {"image_size": (20, 20), "label_mode": None, "color_mode": "grayscale"}
    ours, theirs = (np.asarray(next(iter(d))) for d in _both("image_dataset_from_directory", tmp_path, **arguments))
    assert ours.shape == theirs.shape == (1, 20, 20, 1)
    assert np.abs(ours - theirs).max() <= 1


def test_sixteen_bits_and_compression(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(tmp_path / "a" / "deep.png")
    x = np.linspace(0, 255, 64)[None, :, None] * np.ones((64, 1, 3))
    Image.fromarray(x.astype(np.uint8)).save(tmp_path / "a" / "soft.jpg", quality=95)
    frames = [Image.fromarray(np.full((8, 8), v, np.uint8)) for v in (10, 200)]
    frames[0].save(tmp_path / "a" / "moving.gif", save_all=True, append_images=frames[1:])
    ours, theirs = _both("image_dataset_from_directory", tmp_path, image_size=(8, 8), batch_size=3, shuffle=False)
    ours, theirs = next(iter(ours))[0], np.asarray(next(iter(theirs))[0])
    assert ours[0, 0, 0].tolist() == [156, 156, 156]
    np.testing.assert_array_equal(ours[:2], theirs[:2])
    assert np.abs(ours[2] - theirs[2]).max() <= 2  # decoders of JPEG round differently


@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_is_kerass(images, seed):
    arguments = {**SIZE, "validation_split": 0.3, "seed": seed}
    ours, theirs = _both("image_dataset_from_directory", images, subset="both", **arguments)
    for a, b in zip(ours, theirs, strict=True):
        assert a.file_paths == b.file_paths
    _same(ours[1], theirs[1], 1e-4)  # validation data keep their order
    training = utils.image_dataset_from_directory(images, subset="training", **arguments)
    assert training.file_paths == ours[0].file_paths


def test_every_pass_has_another_order_and_a_seed_repeats_them(images):
    def labels(dataset):
        return [np.concatenate([y for _, y in dataset]).tolist() for _ in range(3)]

    whole = {**SIZE, "labels": list(range(13)), "seed": 3}
    first, second = (labels(utils.image_dataset_from_directory(images, **whole)) for _ in range(2))
    assert first == second
    assert len(set(map(tuple, first))) == 3
    assert all(sorted(order) == list(range(13)) for order in first)
    for x, y in utils.image_dataset_from_directory(images, **{**whole, "batch_size": None}):
        assert x.shape == (6, 9, 3)
        assert y.shape == ()


def test_images_keep_their_labels(images):
    plain = utils.image_dataset_from_directory(images, shuffle=False, labels=list(range(13)), **SIZE)
    known = {int(y): x for batch in plain for x, y in zip(*batch, strict=True)}
    for batch in utils.image_dataset_from_directory(images, labels=list(range(13)), **SIZE):
        for x, y in zip(*batch, strict=True):
            assert np.array_equal(x, known[int(y)])


def test_a_model_learns_from_a_folder(images):
    train, held_back = utils.image_dataset_from_directory(images, validation_split=0.3, subset="both", seed=1, **SIZE)
    model = models.Sequential([layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    scaled = train.map(lambda x, y: (x / 255.0, y)).cache().prefetch(-1)
    history = model.fit(scaled, validation_data=held_back.map(lambda x, y: (x / 255.0, y)), epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(train.map(lambda x, y: x), verbose=0).shape == (10, 2)
    assert scaled.class_names == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"color_mode": "bw"}, ArgumentError, "color_mode='bw'"),
        ({"interpolation": "linear"}, ArgumentError, "interpolation='linear'"),
        ({"label_mode": "one"}, ArgumentError, "label_mode='one'"),
        ({"labels": "guess"}, ArgumentError, "labels='guess'"),
        ({"labels": [0, 1]}, DataError, "2 labels, 13 files"),
        ({"labels": [5, 6] * 6 + [5], "label_mode": "categorical"}, DataError, "labels must be 0 to 1"),
        ({"labels": None, "class_names": ["a"]}, ArgumentError, "class_names is for"),
        ({"class_names": ["a", "c"]}, ArgumentError, "names of folders"),
        ({"class_names": ["a"], "label_mode": "binary"}, ArgumentError, "needs two classes"),
        ({"subset": "training"}, ArgumentError, "belong together"),
        ({"validation_split": 0.2}, ArgumentError, "belong together"),
        ({"validation_split": 1.2, "subset": "both", "seed": 1}, ArgumentError, "validation_split=1.2"),
        ({"validation_split": 0.2, "subset": "test", "seed": 1}, ArgumentError, "subset='test'"),
        ({"validation_split": 0.2, "subset": "both"}, ArgumentError, "needs a seed"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, DataError, "validation subset is empty"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, ArgumentError, "exclude each other"),
        ({"image_size": (1, 2, 3)}, ArgumentError, "image_size="),
        ({"image_size": (0, 2)}, ArgumentError, "image_size"),
        ({"batch_size": 0}, ArgumentError, "batch_size"),
        ({"format": "csv"}, ArgumentError, "format='csv'"),
    ],
    ids=str,
)
def test_images_refuse(images, arguments, error, message):
    with pytest.raises(error, match=message):
        utils.image_dataset_from_directory(images, **arguments)


def test_folders_and_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="existing folder"):
        utils.image_dataset_from_directory(tmp_path / "none")
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=r"no images in .*bmp, .gif"):
        utils.image_dataset_from_directory(tmp_path)
    (tmp_path / "a" / "broken.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"broken.png' cannot be read"):
        next(iter(utils.image_dataset_from_directory(tmp_path)))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a" / "broken.png", format="tiff")
    with pytest.raises(DataError, match=r"broken.png' cannot be read"):  # only four decoders see files
        next(iter(utils.image_dataset_from_directory(tmp_path)))


def test_messages(images, capsys):
    utils.enable_interactive_logging()
    utils.image_dataset_from_directory(images, validation_split=0.3, subset="both", seed=1)
    utils.image_dataset_from_directory(images, label_mode=None)
    utils.image_dataset_from_directory(images, verbose=False)
    assert capsys.readouterr().out.splitlines() == [
        "Found 13 files belonging to 2 classes.",
        "Using 10 files for training.",
        "Using 3 files for validation.",
        "Found 13 files.",
    ]


@pytest.mark.parametrize("arguments", [{}, {"batch_size": None}, {"label_mode": None}, {"max_length": 3}], ids=str)
def test_texts(texts, arguments):
    ours, theirs = _both("text_dataset_from_directory", texts, **{"shuffle": False, "batch_size": 4, **arguments})
    assert ours.class_names == theirs.class_names
    for a, b in zip(ours, theirs.as_numpy_iterator(), strict=True):
        x, y = (a[0], b[0]) if isinstance(a, tuple) else (a, b)
        decoded = y.decode() if isinstance(y, bytes) else [text.decode() for text in y]
        assert (x if isinstance(x, str) else x.tolist()) == decoded
        if isinstance(a, tuple):
            assert np.array_equal(a[1], b[1])


def test_texts_count_characters_and_survive_bad_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_bytes("naïveté".encode() + b"\xff")
    dataset = utils.text_dataset_from_directory(tmp_path, max_length=4)
    assert next(iter(dataset))[0].tolist() == ["naïv"]
    assert next(iter(utils.text_dataset_from_directory(tmp_path)))[0].tolist() == ["naïveté\ufffd"]
    with pytest.raises(ArgumentError, match="max_length"):
        utils.text_dataset_from_directory(tmp_path, max_length=0)


def _wav(path, samples, width=2, rate=8000):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


@pytest.fixture
def sounds(tmp_path):
    for name in "ba":
        (tmp_path / name).mkdir()
        for i in range(3):
            _wav(tmp_path / name / f"{i}.wav", np.arange(-6, 6 + 4 * i, dtype="<i2")[:, None] * 1000)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [{}, {"batch_size": None}, {"label_mode": None}, {"output_sequence_length": 15}, {"output_sequence_length": 5}],
    ids=str,
)
def test_sounds(sounds, arguments):
    ours, theirs = _both("audio_dataset_from_directory", sounds, **{"shuffle": False, "batch_size": 4, **arguments})
    assert ours.class_names == theirs.class_names
    _same(ours, theirs)


def test_ragged_sounds(sounds):
    x, _ = next(iter(utils.audio_dataset_from_directory(sounds, shuffle=False, ragged=True, batch_size=4)))
    assert [sound.shape for sound in x] == [(12, 1), (16, 1), (20, 1), (12, 1)]
    with pytest.raises(ArgumentError, match="exclude each other"):
        utils.audio_dataset_from_directory(sounds, ragged=True, output_sequence_length=3)


def test_widths_of_samples(tmp_path):
    (tmp_path / "a").mkdir()
    wanted = np.array([-1, -0.5, 0, 0.5], np.float32)
    _wav(tmp_path / "a" / "1.wav", np.array([[0], [64], [128], [192]], np.uint8), 1)
    _wav(tmp_path / "a" / "2.wav", (wanted * 2**15).astype("<i2")[:, None], 2)
    three = (wanted.astype(np.float64) * 2**31).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:]
    with wave.open(str(tmp_path / "a" / "3.wav"), "wb") as file:
        file.setparams((1, 3, 8000, 0, "NONE", ""))
        file.writeframes(three.tobytes())
    _wav(tmp_path / "a" / "4.wav", (wanted.astype(np.float64) * 2**31).astype("<i4")[:, None], 4)
    for sound in next(iter(utils.audio_dataset_from_directory(tmp_path, label_mode=None))):
        np.testing.assert_array_equal(sound[:, 0], wanted)


@pytest.mark.parametrize(("old", "new"), [(8000, 16000), (16000, 8000), (8000, 11025)])
def test_another_sampling_rate(tmp_path, old, new):
    """A tone below both limits stays the tone; one above the new limit goes away."""
    (tmp_path / "a").mkdir()
    time = np.arange(old // 2) / old
    tones = np.stack([np.sin(2 * np.pi * f * time) for f in (440.0, 7000.0 if new < old else 1000.0)], axis=1)
    _wav(tmp_path / "a" / "x.wav", (tones * 2**14).astype("<i2"), rate=old)
    sound = next(iter(utils.audio_dataset_from_directory(tmp_path, label_mode=None, sampling_rate=new)))[0]
    assert len(sound) == -(-new // 2)
    middle = slice(new // 10, -new // 10)
    time = np.arange(len(sound)) / new
    np.testing.assert_allclose(sound[middle, 0], np.sin(2 * np.pi * 440 * time)[middle] / 2, atol=2e-4)
    second = 0 if new < old else np.sin(2 * np.pi * 1000 * time)[middle] / 2
    np.testing.assert_allclose(sound[middle, 1] - second, 0, atol=2e-4)


def test_sounds_that_are_none(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.wav").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"x.wav' cannot be read"):
        next(iter(utils.audio_dataset_from_directory(tmp_path)))
    _wav(tmp_path / "a" / "x.wav", np.zeros((4, 1), "<i2"))
    _wav(tmp_path / "a" / "y.wav", np.zeros((4, 2), "<i2"))
    with pytest.raises(DataError, match=r"number of channels. Received: \[1, 2\]"):
        next(iter(utils.audio_dataset_from_directory(tmp_path)))


@pytest.mark.parametrize("batch_size", [None, 3])
def test_later_passes_read_no_file_again_and_what_is_given_may_be_changed(images, monkeypatch, batch_size):
    dataset = utils.image_dataset_from_directory(images, image_size=(7, 10), batch_size=batch_size, shuffle=False)
    first = [np.array(x) for x, _ in dataset]
    monkeypatch.setattr("PIL.Image.open", None)
    for x, _ in dataset:
        x += 1
    for a, (b, _) in zip(first, dataset, strict=True):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_array_equal(a, b)


def test_an_image_of_too_many_pixels_is_refused(images, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 80)
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(DataError, match="pixels are more than 80"):
        list(utils.image_dataset_from_directory(images, shuffle=False, **SIZE))
