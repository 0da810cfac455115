"""The runner: order of processes, environments, answers; with workers that are plain functions."""

import importlib.util
import json

import pytest
from benchmarks.measure import ProcessError, collect, command, environment, parse
from benchmarks.peers import EVERYWHERE, PEERS, Peer, choose, installed, versions
from benchmarks.plan import FIGURES, NEED_MNIST, SEEDS, WORKLOADS, Size, sizes
from benchmarks.work import keras_api

RANVIER, KERAS = choose(["ranvier"])[0], choose(["keras-torch"])[0]
EMPTY = choose(["ranvier-empty"])[0]


def test_rounds_go_over_the_peers_in_turn_and_warm_ups_are_ours_and_not_counted():
    calls = []

    def run(peer, seed):
        calls.append((peer.key, seed))
        return {"cnn": [float(len(calls))]}

    samples, failures = collect([RANVIER, KERAS], "cnn", Size(rounds=2, warmups=1), run)
    assert calls == [("ranvier", 0), *((p, s) for s in (0, 1) for p in ("ranvier", "keras-torch"))]
    assert samples == {"cnn": {"ranvier": [[2.0], [4.0]], "keras-torch": [[3.0], [5.0]]}, "cnn_memory": {}}
    assert failures == {}


def test_a_failing_peer_is_named_once_and_its_samples_dropped():
    seen = []

    def run(peer, seed):
        seen.append(peer.key)
        if peer is KERAS and seed == 1:
            raise ProcessError("ended with status 1: boom")
        return {"cnn": [1.0]}

    samples, failures = collect([RANVIER, KERAS], "cnn", Size(rounds=3), run)
    assert failures == {"keras-torch": "ended with status 1: boom"}
    assert samples["cnn"] == {"ranvier": [[1.0], [1.0], [1.0]]}
    assert seen.count("keras-torch") == 2


def test_the_environment_selects_the_peer_and_favours_none(tmp_path):
    given = {"PATH": "p", "KERAS_BACKEND": "jax", "JAX_COMPILATION_CACHE_DIR": "c", "XLA_FLAGS": "f", "RANVIER_X": "1"}
    ours, theirs = environment(RANVIER, tmp_path, given), environment(KERAS, tmp_path, given)
    assert theirs.pop("KERAS_BACKEND") == "torch"
    assert ours == theirs == {"PATH": "p", "RANVIER_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}


def test_the_command_carries_the_job(tmp_path):
    *_, module, text = command(KERAS, "digits", Size(rounds=1, images=7, epochs=2, fits=3), tmp_path, 4, 1.5)
    assert module == "benchmarks.work.keras_api"
    job = json.loads(text)
    assert (job["module"], job["images"], job["epochs"], job["fits"], job["seed"]) == ("keras", 7, 2, 3, 4)
    *_, text = command(EMPTY, "digits", Size(rounds=1, images=7, epochs=2, fits=3), tmp_path, 0, 0.0)
    assert json.loads(text)["fits"] == 0
    assert command(KERAS, "import", Size(rounds=1), tmp_path, 0, 0.0)[-2:] == ["keras", "--model"]
    assert command(choose(["sklearn"])[0], "import", Size(rounds=1), tmp_path, 0, 0.0)[-1] == "sklearn.neural_network"


def test_the_last_result_line_is_the_answer():
    text = 'noise\nRESULT {"b2": [1.0]}\nRESULT {"b2": [2.0], "score": 0.9}\nnoise'
    assert parse(text, "b2") == {"b2": [2.0]}


@pytest.mark.parametrize(("text", "words"), [("noise", "no result"), ('RESULT {"b2": [1.0], "score": 0.1}', "learn")])
def test_silence_and_ignorance_are_failures(text, words):
    with pytest.raises(ProcessError, match=words):
        parse(text, "b2")


def test_peers_are_chosen_in_the_tables_order_and_unknown_ones_named():
    assert [p.key for p in choose(["torch", "ranvier"])] == ["ranvier", "torch"]
    assert choose(None) == list(PEERS)
    with pytest.raises(ValueError, match="unknown peer torhc"):
        choose(["torhc"])


def test_what_is_not_installed_is_found_without_importing_it():
    absent = Peer("x", "X", "keras_api", "no_such_module", {"no_such_module": "no-such-module"}, "#000000")
    assert not installed(absent)
    assert versions(absent) == {}
    assert installed(RANVIER)
    assert versions(RANVIER).keys() - {"ranvier_kernels"} == {"ranvier", "jax", "jaxlib"}


def test_every_keras_workload_has_its_function_and_every_size():
    assert set(keras_api.WORKLOADS) == set(WORKLOADS) - {"import"}
    assert set(WORKLOADS) >= EVERYWHERE >= NEED_MNIST - {"population", "streaming", "accuracy"}
    assert set().union(*(p.workloads for p in PEERS)) == set(WORKLOADS) == {f.workload for f in FIGURES}
    for quick in (False, True):
        assert set(sizes(quick)) == set(WORKLOADS)
    changed = sizes(False, rounds=2)
    assert changed["digits"].rounds == 2
    assert changed["accuracy"].rounds == SEEDS
    with pytest.raises(ValueError, match="at least 1"):
        sizes(False, rounds=0)


def test_labels_and_colours_tell_the_peers_apart():
    assert len({p.colour for p in PEERS}) == len({p.label for p in PEERS}) == len({p.key for p in PEERS}) == len(PEERS)


def test_ranvier_without_kernels_is_another_peer_only_where_there_are_kernels(tmp_path):
    pure = choose(["ranvier-pure"])[0]
    assert environment(pure, tmp_path, {"RANVIER_KERNELS": "1"})["RANVIER_KERNELS"] == "0"
    assert installed(pure) == (importlib.util.find_spec("ranvier_kernels") is not None)
