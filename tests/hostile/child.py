"""Run as a program: loads hostile files one after the other and reports what happened, under watch.

``python child.py FOLDER corpus`` reads ``FOLDER/index.json``, a list of file names; ``python child.py FOLDER damage FILE
BEGIN END`` loads a good file with its bits flipped or its end cut off, once for each seed. Reports go to
``FOLDER/report.jsonl``, one line for each file, written before (so that a crash is seen) and after.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import ranvier
from ranvier import layers, utils
from ranvier.core.errors import RanvierError

SECONDS = 60  # for one file; the machine may be busy
ENDINGS = (".weights.json", ".weights.h5", ".safetensors", ".keras", ".h5", ".tar", ".zip")
FORBIDDEN = (
    "os.", "subprocess.", "socket.", "pty.", "shutil.", "ctypes.", "pickle.", "marshal.", "urllib.", "http.", "ftplib.",
    "webbrowser.", "code.", "exec", "compile", "import", "open",
)  # fmt: skip
HARMLESS = ("os.putenv", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.chmod", "shutil.rmtree",
            "os.walk", "os.fwalk", "shutil.disk_usage", "code.__new__", "os.truncate", "shutil.move")  # fmt: skip


class Hang(BaseException):
    """A file took too long."""


class Watch:
    """Everything that a file makes the process do that loading has no need of."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.seen: list[str] = []
        self.on = False
        places = [
            str(folder),
            sys.prefix,
            sys.base_prefix,
            str(Path(ranvier.__file__).parent),
            __file__,
            "/proc/self",
            "/sys/",
        ]
        self.allowed = tuple(os.path.realpath(place) for place in places)
        self.secret = str(folder / "secret.txt"), str(folder / "other.h5")
        sys.addaudithook(self.hook)

    def is_ours(self, module: str) -> bool:
        """Whether a module lies where the hostile files are, or was never heard of."""
        return (self.folder / f"{module}.py").exists() or "evil" in module

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or not event.startswith(FORBIDDEN) or event in HARMLESS:
            return
        if event in ("compile", "exec", "marshal.loads", "import"):
            # Libraries load parts of themselves when they are first needed; what a file brings has another origin.
            frame = sys._getframe(1)
            names = [frame.f_globals.get("__name__", "")]
            while (frame := frame.f_back) is not None:  # type: ignore[assignment]
                names.append(frame.f_globals.get("__name__", ""))
            if event != "import" and names[0].split(".")[0] in (
                "importlib",
                "_frozen_importlib_external",
                "dataclasses",
                "collections",
                "inspect",
                "typing",
                "_frozen_importlib",
            ):
                return
            if event == "import" and not self.is_ours(arguments[0].split(".")[0]):
                return  # a library's
            if event in ("compile", "exec") and names[0].split(".")[0] in TRUSTED - {"ranvier"}:
                return
        if event == "open":
            if not isinstance(arguments[0], (str, bytes)):
                return
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if path.startswith(self.allowed) and path not in self.secret:
                return
        self.seen.append(f"{event} {str(arguments)[:200]}")


TRUSTED = {
    "ranvier",
    "jax",
    "jaxlib",
    "numpy",
    "h5py",
    "opt_einsum",
    "ml_dtypes",
    "scipy",
    "rich",
    *sys.stdlib_module_names,
}


def model() -> Any:
    """The model that files of weights are for."""
    return ranvier.Sequential([ranvier.Input((4,)), layers.Dense(3, name="first"), layers.Dense(1, name="last")])


def load(path: Path, folder: Path) -> Any:
    """What a file holds, by its ending."""
    ending = next(e for e in ENDINGS if path.name.endswith(e))
    if ending in (".tar", ".zip"):
        return utils.get_file(path.name + "_content", path.as_uri(), extract=True, cache_dir=folder / "cache")
    if ending in (".keras", ".h5"):
        return ranvier.models.load_model(path)
    made = model()
    made.load_weights(path)
    return made


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    return 0


def attempt(path: Path, folder: Path, watch: Watch) -> tuple[dict[str, Any], Any]:
    """Load one file; what happened, and what came of it."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the greatest memory so far
    before, start, loaded = _status("VmRSS"), time.monotonic(), None
    watch.seen, watch.on = [], True
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = load(path, folder)
        outcome, message = "loaded", ""
    except Hang:
        outcome, message = "hung", ""
    except BaseException as error:
        known = isinstance(error, RanvierError) and type(error) is not RanvierError
        outcome, message = "refused" if known else f"raised {type(error).__name__}", str(error)
    finally:
        signal.alarm(0)
        watch.on = False
    grown = _status("VmHWM") - before
    return {
        "outcome": outcome, "message": message[:3000], "length": len(message), "seconds": time.monotonic() - start,
        "grown": grown, "seen": watch.seen,
    }, loaded  # fmt: skip


def corpus(folder: Path, watch: Watch) -> None:
    """Load every file of the index."""
    with (folder / "report.jsonl").open("a") as report:
        for name in json.loads((folder / "index.json").read_text()):
            report.write(json.dumps({"name": name, "outcome": "crashed"}) + "\n")
            report.flush()
            result, _ = attempt(folder / "files" / name, folder, watch)
            report.write(json.dumps({"name": name, **result}) + "\n")
            report.flush()


def damaged(good: bytes, seed: int) -> bytes:
    """The bytes with some bits flipped, some bytes changed, or the end cut off."""
    chance = random.Random(seed)
    data = bytearray(good)
    if seed % 6 == 0:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(data))
        data[place] = data[place] ^ (1 << chance.randrange(8)) if seed % 2 else chance.choice((0, 1, 127, 128, 255))
    return bytes(data)


def damage(folder: Path, name: str, begin: int, end: int, watch: Watch) -> None:
    """Load a good file's damaged copies; a `.keras` file that still loads must give the same weights."""
    good = (folder / name).read_bytes()
    path = folder / "files" / f"damaged{next(e for e in ENDINGS if name.endswith(e))}"
    wanted = [v.numpy() for v in load(folder / name, folder).variables]
    with (folder / "report.jsonl").open("a") as report:
        for seed in range(begin, end):
            report.write(json.dumps({"name": seed, "outcome": "crashed"}) + "\n")
            report.flush()
            path.write_bytes(damaged(good, seed))
            result, loaded = attempt(path, folder, watch)
            if loaded is not None:
                values = [v.numpy() for v in loaded.variables]
                same = len(values) == len(wanted) and all(map(np.array_equal, values, wanted))
                result["outcome"] = "equal" if same else "differs"
            report.write(json.dumps({"name": seed, **result}) + "\n")
            report.flush()


def main() -> None:
    """The program."""
    folder = Path(sys.argv[1]).resolve()
    os.chdir(folder)
    sys.path.insert(0, str(folder))  # where the canary waits to be imported
    utils.disable_interactive_logging()

    def hang(*_: Any) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, hang)
    for path in sorted(folder.glob("good.*")):
        load(path, folder)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + (6 << 30),) * 2)  # a bomb fails and harms nobody
    watch = Watch(folder)
    if sys.argv[2] == "corpus":
        corpus(folder, watch)
    else:
        damage(folder, sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), watch)


if __name__ == "__main__":
    main()
