"""Files that want code to run, classes to be found, or other files and the network to be reached."""

from __future__ import annotations

import base64
import copy
import json
import marshal
from collections.abc import Iterator
from typing import Any

from .case import Hostile, config, dense, keras_file, layer, with_layers

__all__ = ["hostile"]

# Module and name of what a configuration may want to be called, with the arguments it would be given.
GADGETS: list[tuple[str, str, dict[str, Any]]] = [
    ("os", "system", {"command": "touch canary"}),
    ("posix", "system", {"command": "touch canary"}),
    ("subprocess", "Popen", {"args": ["touch", "canary"]}),
    ("subprocess", "check_output", {"args": ["touch", "canary"]}),
    ("builtins", "eval", {"source": "open('canary', 'w')"}),
    ("builtins", "exec", {"source": "open('canary', 'w')"}),
    ("builtins", "open", {"file": "canary", "mode": "w"}),
    ("builtins", "__import__", {"name": "hostile_canary"}),
    ("importlib", "import_module", {"name": "hostile_canary"}),
    ("hostile_canary", "Layer", {}),
    ("runpy", "run_path", {"path_name": "secret.txt"}),
    ("shutil", "rmtree", {"path": "."}),
    ("pickle", "loads", {"data": "cos\nsystem\n"}),
    ("numpy", "load", {"file": "secret.txt", "allow_pickle": True}),
    ("numpy", "fromfile", {"file": "secret.txt"}),
    ("ctypes", "CDLL", {"name": "libc.so.6"}),
    ("urllib.request", "urlopen", {"url": "http://127.0.0.1:9/"}),
    ("keras.utils", "get_file", {"origin": "http://127.0.0.1:9/x", "fname": "canary", "cache_dir": "."}),
    ("keras.src.utils.file_utils", "get_file", {"origin": "http://127.0.0.1:9/x"}),
    ("keras.saving", "load_model", {"filepath": "secret.txt"}),
    ("keras.models", "load_model", {"filepath": "secret.txt", "safe_mode": False}),
    ("keras.config", "enable_unsafe_deserialization", {}),
    ("keras.layers", "TorchModuleWrapper", {"module": "cos\nsystem\n"}),
    ("keras.layers", "TFSMLayer", {"filepath": "."}),
    ("keras.callbacks", "LambdaCallback", {"on_epoch_begin": "os.system"}),
    ("keras.src.ops.numpy", "Load", {"file": "secret.txt"}),
    ("ranvier.utils", "get_file", {"origin": "file:///etc/hostname"}),
    ("ranvier.tools.downloads", "get_file", {"origin": "file:///etc/hostname"}),
    ("ranvier.core.serialization", "register_builtin", {"cls": "x"}),
    ("ranvier.files.checkpoint", "read_checkpoint", {"path": "secret.txt"}),
]


def _object(module: str, name: str, arguments: Any, registered: Any = None) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": arguments, "registered_name": registered}


def _function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _places() -> Iterator[tuple[str, Any]]:
    """Places in a configuration where an object may stand, each as a function that puts one there."""
    for argument in (
        "activation", "kernel_initializer", "bias_initializer", "kernel_regularizer", "activity_regularizer",
        "kernel_constraint", "dtype",
    ):  # fmt: skip
        yield argument, lambda thing, a=argument: dense(**{a: thing})
    for argument in ("optimizer", "loss", "metrics", "weighted_metrics", "loss_weights"):

        def compiled(thing: Any, argument: str = argument) -> Any:
            changed = config()
            changed["compile_config"][argument] = [thing] if "metrics" in argument else thing
            return changed

        yield argument, compiled

    def schedule(thing: Any) -> Any:
        changed = config()
        changed["compile_config"]["optimizer"]["config"]["learning_rate"] = thing
        return changed

    yield "learning_rate", schedule
    yield "Bidirectional's layer", lambda thing: with_layers(layer("Bidirectional", layer=thing), shape=(None, 3, 4))
    yield (
        "TimeDistributed's layer",
        lambda thing: with_layers(layer("TimeDistributed", layer=thing), shape=(None, 3, 4)),
    )
    yield "RNN's cell", lambda thing: with_layers(layer("RNN", cell=thing), shape=(None, 3, 4))
    yield "RandAugment's factor", lambda thing: with_layers(layer("RandAugment", factor=thing), shape=(None, 8, 8, 3))


def _codes() -> Iterator[tuple[str, Any]]:
    """Lambda layers with code in them."""
    code = base64.b64encode(marshal.dumps(compile("open('canary', 'w')", "x", "eval"))).decode()
    packed = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    yield "lambda", with_layers(layer("Lambda", function=packed))
    yield "lambda of Keras 2", with_layers(layer("Lambda", function=[code, None, None], function_type="lambda"))
    yield "lambda for the shape", with_layers(layer("Lambda", function="relu", output_shape=packed))
    yield "lambda for the mask", with_layers(layer("Lambda", function=_function("builtins", "relu"), mask=packed))
    yield "lambda by name", with_layers(layer("Lambda", function="os.system", function_type="function", module="os"))
    yield "lambda alone", packed
    yield "lambda as activation", dense(activation=packed)
    yield "lambda as initializer", dense(kernel_initializer=packed)
    yield (
        "lambda in another layer",
        with_layers(layer("TimeDistributed", layer=layer("Lambda", function=packed)), shape=(None, 3, 4)),
    )
    yield "JaxLayer", with_layers(layer("JaxLayer", call_fn=_function("os", "system")))
    changed = config()
    changed["compile_config"]["loss"] = packed
    yield "lambda as loss", changed


def _tricks() -> Iterator[tuple[str, Any]]:
    """Names that try to reach further than names do."""
    for name in (
        "os.system", "__main__>os.system", "Custom>os.system", "builtins>eval", "../os", "Dense.__init__", "__class__",
        "keras.layers.Dense.__init__.__globals__", "function", "Dense\0", "", " Dense",
    ):  # fmt: skip
        yield f"class {name!r}", with_layers(_object("keras.layers", name, {"name": "x", "units": 3}, name))
    for wrong in (None, 3, [], {}, ["Dense"], True, 1.5):
        yield f"class {wrong!r}", with_layers(_object("keras.layers", wrong, {"units": 3}))
    yield "a module of one's own", with_layers(_object("hostile_canary", "Dense", {"units": 3}))
    yield "a module that is no text", with_layers(_object(["os"], "Dense", {"units": 3}))  # type: ignore[arg-type]
    yield "a registered name that is no text", with_layers(_object("keras.layers", "Dense", {"units": 3}, ["x"]))
    yield "a model that is a number", 3
    yield "a model that is a list", [config()]
    yield "a model that is an array", {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}
    yield "a model that is a loss", {"module": "keras.losses", "class_name": "MeanSquaredError", "config": {}}
    yield "a model that is a function", _function("builtins", "relu")
    yield (
        "texts of a gigabyte each",
        dense(name={"class_name": "__numpy__", "config": {"value": ["a", "b"], "dtype": "U500000000"}}),
    )
    yield (
        "an array of objects",
        dense(kernel_initializer={"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}}),
    )
    for name in ("load", "fromfile", "save", "system", "__builtins__", "np", "functools"):
        yield f"operation {name}", _graph({"function": name, "name": "evil"})
    for name, call in (("zeros", [[10**10]]), ("arange", [10**11]), ("full", [[10**10], 1.0]), ("eye", [10**6])):
        yield f"operation {name} on numbers", _graph({"function": name, "name": "evil"}, call)
    yield "an operation with a function", _graph({"function": "map", "name": "evil"}, [_function("os", "system"), [1]])


def _graph(operation: dict[str, Any], arguments: Any = None) -> dict[str, Any]:
    """A functional model that calls a function."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32",
                                                          "keras_history": ["in", 0, 0]}}  # fmt: skip
    first = copy.deepcopy(config()["config"]["layers"][0])
    first["config"]["name"] = "in"
    return {
        "module": "keras", "class_name": "Functional", "registered_name": "Functional",
        "config": {
            "name": "graph", "trainable": True,
            "layers": [
                {**first, "name": "in", "inbound_nodes": []},
                {"module": "ranvier.ops", "class_name": "FunctionOperation", "config": operation, "name": "evil",
                 "registered_name": None,
                 "inbound_nodes": [{"args": [tensor] if arguments is None else arguments, "kwargs": {}}]},
            ],
            "input_layers": [["in", 0, 0]], "output_layers": [["evil", 0, 0]],
        },
    }  # fmt: skip


def _reaching() -> Iterator[tuple[str, Any]]:
    """Layers that name files or hosts."""
    for path in (
        "secret.txt", "/etc/passwd", "../secret.txt", "file:///etc/passwd", "http://127.0.0.1:9/v.txt", "/dev/zero",
        "/dev/stdin", "/proc/self/environ", "//server/share/v.txt", "\\\\server\\share\\v.txt", "~/.ssh/id_rsa",
    ):  # fmt: skip
        yield f"StringLookup {path}", with_layers(layer("StringLookup", vocabulary=path), dtype="string")
    for name in ("IntegerLookup", "TextVectorization"):
        yield f"{name} secret.txt", with_layers(layer(name, vocabulary="secret.txt"), dtype="string")
    yield (
        "a list with a path",
        with_layers(layer("StringLookup", vocabulary=["secret.txt", ["/etc/passwd"]]), dtype="string"),
    )


def hostile() -> Iterator[Hostile]:
    """All of them."""
    for name, described in _codes():
        yield Hostile("code", name, keras_file(described))
    places = dict(_places())
    for module, name, arguments in GADGETS:
        yield Hostile(
            "names", f"layer {module}.{name}", keras_file(with_layers(_object(module, name, arguments, name)))
        )
    for place, put in places.items():
        for module, name, arguments in GADGETS[:2] + GADGETS[11:12]:
            yield Hostile(
                "names", f"{place}: object {module}.{name}", keras_file(put(_object(module, name, arguments)))
            )
            yield Hostile("names", f"{place}: function {module}.{name}", keras_file(put(_function(module, name))))
    for name, described in _tricks():
        yield Hostile("names", name, keras_file(described))
    for name, described in _reaching():
        yield Hostile("reach", name, keras_file(described))
    older = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "Lambda", "config": {"name": "x", "function": ["4wAAAAA=", None, None], "function_type": "lambda",
                                           "batch_input_shape": [None, 4]}}]}})  # fmt: skip
    yield Hostile("code", "lambda in an older file", _older(older), ".h5")
    yield Hostile("names", "os.system in an older file", _older(older.replace("Lambda", "os.system")), ".h5")


def _older(text: str) -> bytes:
    from .case import weights

    def change(file: Any) -> None:
        file.attrs["model_config"] = text
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"x"]
        group.create_group("x").attrs["weight_names"] = []

    return weights(change)
