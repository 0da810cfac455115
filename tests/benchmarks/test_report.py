"""Report, picture and command line, from invented samples."""

import io
import json

import pytest
from benchmarks.picture import draw
from benchmarks.plan import sizes
from benchmarks.report import amount, markdown, multiple, print_report, report
from rich.console import Console

from benchmarks import cli

SAMPLES = {
    "digits": {"ranvier": [[0.4], [0.5]], "keras-jax": [[1.5], [1.5]], "torch": [[2.0], [2.0]]},
    "memory": {"ranvier": [[4e8]], "torch": [[3e8]]},
    "predict": {"ranvier": [[4e-5]], "keras-jax": [[1e-3]]},
    "accuracy": {"ranvier": [[0.978], [0.977]]},
}
MACHINE = {"cpu": "Abacus", "architecture": "x", "cores": 2, "memory_gib": 4.0, "system": "Linux", "python": "3.12"}


@pytest.fixture
def found():
    failures = {"cnn": {"keras-tf": "ended with status 1: /home/somebody/secret.py broke"}}
    return report(SAMPLES, failures, ["sklearn"], MACHINE, {"jax": "0.9"}, sizes(False), False, "2001-01-01")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12.345, "s", "12.3 s"),
        (1.2345, "s", "1.23 s"),
        (0.4567, "s", "457 ms"),
        (0.0123, "s", "12.3 ms"),
        (3.8e-5, "s", "38.0 µs"),
        (3e-7, "s", "0.30 µs"),
        (123.4, "s", "123 s"),
        (2**30, "bytes", "1024 MiB"),
        (0.97825, "share", "0.9782"),
    ],
)
def test_amounts_have_three_digits(value, unit, text):
    assert amount(value, unit) == text


def test_multiples():
    assert [multiple(x) for x in (1.0, 3.456, 34.56, 345.6)] == ["1.00×", "3.46×", "34.6×", "346×"]


def test_the_report_is_json_with_medians_ratios_and_verdicts(found):
    again = json.loads(json.dumps(found))
    digits = again["figures"]["digits"]
    assert digits["title"] == "digits MLP 784-128-10, an epoch of 60,000"
    assert digits["peers"]["ranvier"]["median"] == pytest.approx(0.45)
    assert digits["peers"]["keras-jax"]["ratio_to_best"] == pytest.approx(1.5 / 0.45)
    assert digits["peers"]["ranvier"]["rounds"] == [[0.4], [0.5]]
    words = {(t["stage"], t["figure"]): t["verdict"] for t in again["targets"] if t["subject"] == "ranvier"}
    first = {k: v for (stage, k), v in words.items() if stage == "foundation"}
    assert first["digits"] == first["predict"] == first["accuracy"] == words["speed", "predict"] == "met"
    assert first["cnn"] == words["speed", "streaming_memmap"] == "not measured"
    assert words["speed", "digits"] == "missed"
    assert set(again["sizes"]) == {"digits", "predict", "accuracy"}


def test_no_message_of_a_failure_reaches_the_files(found):
    assert found["failures"] == {"cnn": {"keras-tf": "ended with status 1"}}
    assert "somebody" not in json.dumps(found) + markdown(found, "p.png")


def test_markdown_names_machine_best_missing_and_verdicts(found):
    text = markdown(found, "p.png")
    for part in (
        "Abacus, x, 2 cores, 4.0 GiB",
        "| digits MLP 784-128-10, an epoch of 60,000 | **450 ms · 1.00×** | 1.50 s · 3.33× | 2.00 s · 4.44× |",
        "0.3× Keras on JAX (0.267 to 0.333) | met |",
        "0.9770 to 0.9780 | met |",
        "| speed | predict one sample, median | at most 100 µs | 40.0 µs | met |",
        "| speed | digits MLP 784-128-10, an epoch of 60,000 | at most 0.25× the fastest peer |",
        "4 of 27 met",
        "| digits MLP, peak memory | 381 MiB · 1.33× | – | **286 MiB · 1.00×** |",
        "(p.png)",
        "Keras on TensorFlow in cnn: ended with status 1",
        "skipped: scikit-learn",
        "digits 5",
    ):
        assert part in text
    assert "\n\n\n" not in text


def test_the_terminal_shows_the_same(found):
    stream = io.StringIO()
    print_report(found, Console(file=stream, width=160))
    text = stream.getvalue()
    for part in ("450 ms", "3.33×", "met", "not measured", "failed in cnn", "skipped: scikit-learn", "0.9775"):
        assert part in text


def test_the_picture_is_a_png_with_a_panel_for_every_time_and_size(found, tmp_path):
    from matplotlib.image import imread

    draw(found, tmp_path / "new" / "p.png")
    height, width, _ = imread(tmp_path / "new" / "p.png").shape
    assert width == pytest.approx(2 * 7.2 * 110, abs=2)
    assert height == pytest.approx((0.6 + 2 * 2.35) * 110, abs=2)  # digits, its memory, predict
    draw({**found, "figures": {}}, tmp_path / "nothing.png")
    assert not (tmp_path / "nothing.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--peers", "torhc"], "unknown peer torhc"),
        (["--rounds", "0"], "at least 1"),
        (["--quick", "--publish"], "full run"),
        (["--only", "toy", "--publish"], "full run"),
        (["--only", "tyo"], "invalid choice"),
        (["--data", "nowhere.npz"], "mnist.npz is not in the package"),
    ],
)
def test_bad_options_end_with_a_message(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.parse_arguments(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_options_choose_workloads_in_order_and_quick_leaves_the_accuracy_out():
    options = cli.parse_arguments(["--only", "toy", "import", "--peers", "torch", "ranvier", "--rounds", "2"])
    assert options.workloads == ["import", "toy"]
    assert [p.key for p in options.peers] == ["ranvier", "torch"]
    assert options.sizes["toy"].rounds == 2
    data = __file__
    assert "accuracy" not in cli.parse_arguments(["--quick", "--data", data]).workloads
    assert "accuracy" in cli.parse_arguments(["--data", data]).workloads


def test_a_run_writes_its_files_and_publishes_nothing_unasked(monkeypatch, tmp_path, capsys):
    def fake(present, workloads, table, data, tell):
        assert [p.key for p in present] == ["ranvier"]
        assert workloads == ["import"]
        return {"import": {"ranvier": [[0.1], [0.2]]}}, {"import": {}}

    monkeypatch.setattr(cli, "run_all", fake)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(cli.peers, "installed", lambda peer: peer.key == "ranvier")
    monkeypatch.setattr(cli.machine, "describe", lambda: MACHINE)
    out = tmp_path / "out"
    assert cli.main(["--only", "import", "--peers", "ranvier", "sklearn", "--out", str(out)]) == 1
    assert json.loads((out / "results.json").read_text())["figures"]["import"]["peers"]["ranvier"]["samples"] == 2
    assert (out / "results.png").stat().st_size > 5_000
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert "Not installed and skipped: sklearn" in capsys.readouterr().out


def test_an_interrupted_run_goes_on_and_publishes_when_all_is_measured(monkeypatch, tmp_path, capsys):
    measured = []

    def fake(present, workloads, table, data, tell):
        (workload,) = workloads
        if workload == "cnn" and not measured.count("cnn"):
            measured.append("cnn")
            raise KeyboardInterrupt
        measured.append(workload)
        figures = [f.key for f in cli.plan.FIGURES if f.workload == workload]
        return {key: {"ranvier": [[1.0], [2.0]]} for key in figures}, {}

    monkeypatch.setattr(cli, "run_all", fake)
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(cli.peers, "installed", lambda peer: peer.key == "ranvier")
    monkeypatch.setattr(cli.machine, "describe", lambda: MACHINE)
    monkeypatch.setattr("benchmarks.picture.draw", lambda found, path: path.write_bytes(b""))
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs" / "images").mkdir(parents=True)
    options = ["--peers", "ranvier", "--out", str(tmp_path / "out"), "--data", __file__, "--resume", "--publish"]
    assert cli.main([*options, "--only", "toy"]) == 0
    assert "Not published: import, startup, digits, b2, cnn, cifar" in capsys.readouterr().out.replace("\n", " ")
    with pytest.raises(KeyboardInterrupt):
        cli.main(options)
    assert not (tmp_path / "benchmarks" / "RESULTS.md").exists()
    assert cli.main(options) == 0
    others = [w for w in cli.plan.WORKLOADS if w != "toy"]
    at = others.index("cnn")
    assert measured == ["toy", *others[: at + 1], *others[at:]]
    assert (tmp_path / "benchmarks" / "RESULTS.md").exists()
    cli.main([*options, "--rounds", "2"])  # of another size: measured anew, but for the accuracy's seeds
    assert measured[len(others) + 2 :] == [w for w in cli.plan.WORKLOADS if w != "accuracy"]


def test_the_machine_is_described_without_its_name():
    import getpass
    import platform

    from benchmarks.machine import describe

    machine = describe()
    assert set(machine) == set(MACHINE)
    assert machine["cores"] >= 1
    text = json.dumps(machine)
    assert platform.node() == "" or platform.node() not in text.split()
    assert f"/{getpass.getuser()}" not in text
