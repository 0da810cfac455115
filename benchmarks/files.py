"""Saving and loading large models: speed, size and peak memory against Keras.

    python -m benchmarks.files                      # 100 million parameters, three rounds
    python -m benchmarks.files --parameters 1e6 --rounds 1

Every sample is a process of its own: a save and a load of another file neither warm each other nor share memory. Each
first saves and loads a tiny model, so that imports and first compilations are not timed. Peaks are resident memory beyond
what the process held before the save or load began; a model's own arrays are part of that where a whole model is
loaded. Saves make new files, after the disk has written what was waiting. The files are read soon after they were
written, so from the page cache: what is timed is the formats and the copies. Of saves there are two times: until the
call returns, and until the file is on the disk, which ranvier waits for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["main", "peak"]

ENDINGS = {"ranvier": (".keras", ".weights.h5", ".safetensors"), "keras": (".keras", ".weights.h5")}
LAYERS = 10


def resident() -> int:
    """Bytes of memory that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def peak() -> Iterator[list[int]]:
    """Bytes that the process holds within it at the most, beyond what it held before; looked at every millisecond."""
    before, found, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.001):
            found[0] = max(found[0], resident() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        found[0] = max(found[0], resident() - before)
        done.set()
        thread.join()


def build(library: Any, parameters: float) -> Any:
    """Dense layers with about so many parameters."""
    width = round((parameters / LAYERS) ** 0.5)
    kinds = [library.layers.Dense(width, use_bias=False, kernel_initializer="ones") for _ in range(LAYERS)]
    return library.Sequential([library.Input((width,)), *kinds])


def work(name: str, action: str, path: str, parameters: float) -> dict[str, float]:
    """One sample: seconds and peak memory of one save or load."""
    import ranvier

    library: Any = ranvier
    if name == "keras":
        import keras

        library = keras
    whole = path.endswith(".keras")
    with tempfile.TemporaryDirectory() as folder:  # what happens once in a process: imports, the first compilations
        small = build(library, 1000)
        small.save(f"{folder}/m.keras")
        again = library.models.load_model(f"{folder}/m.keras")
        again.save_weights(f"{folder}/w.weights.h5")
        again.load_weights(f"{folder}/w.weights.h5")
    model: Any = None if action == "load" and whole else build(library, parameters)
    for variable in () if model is None else model.weights:
        variable.numpy()  # as after training: there are values, not promises
    run = {
        ("save", True): lambda: model.save(path),
        ("save", False): lambda: model.save_weights(path),
        ("load", True): lambda: library.models.load_model(path),
        ("load", False): lambda: model.load_weights(path),
    }[action, whole]
    with peak() as most:
        start = time.perf_counter()
        kept = run()  # kept until it has been measured
        seconds = time.perf_counter() - start
        if action == "save":
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        settled = time.perf_counter() - start
    del kept
    return {"seconds": seconds, "settled": settled, "peak": most[0], "size": os.path.getsize(path)}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run all samples, print a table, and return the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=100e6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write; by default a temporary folder")
    parser.add_argument("--json", help="a file for all samples")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        result = work(**json.loads(options.work))
        print(json.dumps(result))
        return result
    samples: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for _ in range(options.rounds):
            for name, endings in ENDINGS.items():
                for ending in endings:
                    for action in ("save", "load"):
                        path = str(Path(folder) / f"{name}{ending}")
                        given = {"name": name, "action": action, "path": path, "parameters": options.parameters}
                        samples.setdefault(f"{name} {ending} {action}", []).append(_sample(given))
    medians = {k: {f: statistics.median(s[f] for s in v) for f in v[0]} for k, v in samples.items()}
    print(f"{options.parameters:,.0f} parameters, medians of {options.rounds}")
    print(f"{'':32}{'seconds':>10}{'on disk':>10}{'peak MB':>10}{'file MB':>10}{'of Keras':>10}")
    for key, row in medians.items():
        against = medians.get(key.replace("ranvier", "keras"))
        ratio = "" if against is None else f"{row['settled'] / against['settled']:.2f}"
        print(
            f"{key:32}{row['seconds']:>10.3f}{row['settled']:>10.3f}{row['peak'] / 1e6:>10.0f}{row['size'] / 1e6:>10.1f}{ratio:>10}"
        )
    if options.json:
        Path(options.json).write_text(json.dumps({"parameters": options.parameters, "samples": samples}, indent=2))
    return medians


def _sample(given: dict[str, Any]) -> dict[str, float]:
    if given["action"] == "save":
        Path(given["path"]).unlink(missing_ok=True)
        os.sync()
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.files", "--work", json.dumps(given)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return json.loads(output.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
