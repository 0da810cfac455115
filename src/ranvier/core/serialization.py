"""Keras's JSON spelling of objects, and the closed registry through which a name becomes a class.

A name in a file resolves to a class of ranvier, or to one that the program itself registered or passed in
`custom_objects`. Nothing is imported, looked up by path or executed because a file says so.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import shared_objects
from .dtypes import DTypePolicy, jnp, standardize_dtype
from .errors import ArgumentError, SerializationError

__all__ = [
    "CustomObjectScope",
    "collecting",
    "config_value",
    "custom_object_scope",
    "deserialize",
    "deserialize_keras_object",
    "deserialize_nested",
    "function_named",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_builtin",
    "lookup_function",
    "register_builtin",
    "register_function",
    "register_keras_serializable",
    "resolve",
    "scoped_object",
    "serialize",
    "serialize_function",
]

_builtin: dict[str, type] = {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": DTypePolicy}
_functions: dict[str, Callable[..., Any]] = {}
_registered: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}
_scoped: ContextVar[dict[str, Any]] = ContextVar("custom_objects", default={})  # noqa: B039  never mutated

_collected: ContextVar[dict[str, Any] | None] = ContextVar("collected_objects", default=None)

_PLAIN = (bool, int, float, str, type(None))


def is_builtin(cls: type) -> bool:
    """Whether the class is part of ranvier itself."""
    return cls.__module__ == "ranvier" or cls.__module__.startswith("ranvier.")


def register_builtin(cls: type) -> None:
    """Make a class of ranvier findable by its name. Classes of others are not taken."""
    if is_builtin(cls) and not cls.__name__.startswith("_"):
        _builtin[cls.__name__] = cls
        # A loss and a metric may share their name; the module tells them apart.
        _builtin[f"{getattr(cls, 'keras_module', 'keras')}>{cls.__name__}"] = cls
        _builtin[_keras_name(cls)] = cls


def _keras_name(cls: type) -> str:
    """What files call a class of ranvier: its `keras_name` if it has one of its own, else its name."""
    return vars(cls).get("keras_name", cls.__name__)


def register_function(function: Callable[..., Any], *aliases: str) -> None:
    """Make a function of ranvier findable by its name and by `aliases`."""
    for name in (function.__name__, *aliases):
        _functions[name] = function


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: let files name this class or function as ``package>name``.

    Raises:
        ArgumentError: a class that has no `get_config`, so that no file could describe its objects.

    >>> @register_keras_serializable("my_package")
    ... def twice(x):
    ...     return 2 * x
    >>> get_registered_name(twice)
    'my_package>twice'
    """

    def register(thing: Any) -> Any:
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ArgumentError(
                f"{thing.__name__} has no get_config(), so no file could describe it. Give it one that returns the "
                "constructor's arguments, or make it a Layer, Model, Loss, Metric …, which have one."
            )
        full = f"{package}>{name or thing.__name__}"
        _registered[full] = thing
        _registered_names[thing] = full
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The registered name of a class or function, or its own name."""
    return _registered_names.get(obj) or obj.__name__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """What `name` stands for among `custom_objects`, open scopes, registrations and `module_objects`, or None."""
    for table in (custom_objects or {}, _scoped.get(), _registered, module_objects or {}):
        if name in table:
            return table[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The table of registered objects, which may be changed."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Within it, configs may name the classes and functions in `custom_objects`."""
    token = _scoped.set({**_scoped.get(), **(custom_objects or {})})
    try:
        yield
    finally:
        _scoped.reset(token)


CustomObjectScope = custom_object_scope


def scoped_object(name: str) -> Any:
    """What `name` stands for in the open scopes, or None."""
    return _scoped.get().get(name)


@contextlib.contextmanager
def collecting() -> Iterator[dict[str, Any]]:
    """Within it, the classes and functions of others that are serialised gather in a dict, which is `custom_objects` for
    what was serialised: each has a name of its own there, be it registered or not.
    """
    found: dict[str, Any] = {}
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def _name_of(thing: Any) -> str:
    """The name by which a config refers to a class or function that is not ranvier's."""
    name = _registered_names.get(thing) or getattr(thing, "__name__", type(thing).__name__)
    found = _collected.get()
    if found is not None:
        name = next(n for i in itertools.count() if found.get(n := f"{name}_{i}" if i else name, thing) is thing)
        found[name] = thing
    return name


def config_value(value: Any, short: bool = True) -> Any:
    """`value` as it stands inside a config: containers kept, objects spelled out.

    Args:
        value: what the config holds.
        short: whether functions of ranvier are told by their names alone.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(config_value(v, short) for v in value)
    if isinstance(value, dict):
        return {k: config_value(v, short) for k, v in value.items()}
    if short and isinstance(value, types.FunctionType) and _functions.get(value.__name__) is value:
        return value.__name__
    return serialize(value)


def serialize(obj: Any) -> Any:
    """`obj` in Keras's JSON spelling: plain types, lists and dicts of them only.

    Raises:
        SerializationError: the object has no `get_config`, so nothing describes it.
    """
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    return shared_objects.whole(lambda: _serialize(obj))


def _serialize(obj: Any) -> Any:
    if isinstance(obj, tuple):
        return {"class_name": "__tuple__", "config": {"value": [serialize(v) for v in obj]}}
    if isinstance(obj, list):
        return [serialize(v) for v in obj]
    if isinstance(obj, dict):
        return {k: serialize(v) for k, v in obj.items()}
    if isinstance(obj, (np.ndarray, jnp.ndarray)):
        kind = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        return {
            "class_name": kind,
            "config": {"value": np.asarray(obj).tolist(), "dtype": standardize_dtype(obj.dtype)},
        }
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, (np.dtype, type)) and not hasattr(obj, "get_config"):
        return standardize_dtype(obj)
    if isinstance(obj, type):
        raise SerializationError(f"A config holds objects, not classes. Received: the class {obj.__name__}")
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if hasattr(obj, "get_config"):
        return (
            _serialize_object(obj)
            if isinstance(obj, DTypePolicy)
            else shared_objects.marked(obj, lambda: _serialize_object(obj))
        )
    if hasattr(obj, "__name__") or isinstance(obj, functools.partial):
        return serialize_function(obj)
    raise SerializationError(f"{obj!r} has no get_config(), so nothing can describe it in a config.")


def serialize_function(function: Any) -> dict[str, Any]:
    """A function, or whatever can be called, by its name."""
    called = getattr(function, "__name__", type(function).__name__)  # functools.partial has no name of its own
    ours = _functions.get(called)
    name = called if ours is function else _name_of(function)
    described = {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    if ours is not None and ours is not function:  # it is not taken for the function of ranvier that has its name
        described |= {"module": None, "registered_name": name}
    return described


def _serialize_object(value: Any) -> dict[str, Any]:
    cls = type(value)
    if cls is DTypePolicy:
        described = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": value.get_config(),
            "registered_name": None,
        }
    elif is_builtin(cls):
        described = {
            "module": cls.keras_module,
            "class_name": _keras_name(cls),
            "config": value.get_config(),
            "registered_name": None,
        }
    else:
        keras = cls.__module__.split(".")[0] == "keras"  # an object of Keras itself, which ranvier has, too
        described = {
            "module": "keras" if keras else None,
            "class_name": cls.__name__,
            "config": config_value(value.get_config(), short=False),
            "registered_name": None if keras else _name_of(cls),
        }
    build_config = getattr(value, "get_build_config", lambda: None)()
    if build_config is not None:
        described["build_config"] = build_config
    compile_config = getattr(value, "get_compile_config", lambda: None)()
    if compile_config:
        described["compile_config"] = config_value(compile_config, short=False)
    return described


def lookup_function(name: str, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any] | None:
    """The built-in, registered or scoped function called `name`, or None."""
    return get_registered_object(name, custom_objects) or _functions.get(name)


def function_named(described: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any] | None:
    """The function that a description (or a mere name) stands for, or None."""
    if not isinstance(described, dict):
        return lookup_function(described, custom_objects)
    found = get_registered_object(described["config"], custom_objects)
    ours = described.get("registered_name") in (None, "function")
    return _functions.get(described["config"]) if found is None and ours else found


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None, only: type | None = None) -> Any:
    """The object that a config in Keras's spelling describes.

    Args:
        config: ``{"class_name": …, "config": …}`` or plain data.
        custom_objects: further names, with the classes and functions they stand for.
        only: the base class that the result must have.

    Raises:
        SerializationError: an unknown name, or a class of another kind than `only`.
    """
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        return deserialize_nested(config, custom_objects)
    name, inner = config["class_name"], config["config"]
    if name == "__tuple__":
        return tuple(deserialize_nested(v, custom_objects) for v in inner["value"])
    if name == "__numpy__":
        return np.array(inner["value"], dtype=jnp.dtype(standardize_dtype(inner["dtype"])))
    if name == "__tensor__":
        return jnp.array(inner["value"], dtype=standardize_dtype(inner["dtype"]))
    if name == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__bytes__":
        return str(inner["value"]).encode("utf-8")
    if name == "function":
        function = function_named(config, custom_objects)
        if function is None:
            raise SerializationError(_unknown("function", inner))
        return function
    cls = _find_class(config, custom_objects, only)
    if only is not None and not (isinstance(cls, type) and issubclass(cls, only)):
        raise SerializationError(f"'{name}' is not a {only.__name__}, which is what this place in the config needs.")
    known = shared_objects.made_before(config)
    if known is not None and isinstance(known, cls if isinstance(cls, type) else object):
        return known
    with custom_object_scope(custom_objects or {}), shared_objects.reading():
        thing = cls.from_config(dict(inner)) if hasattr(cls, "from_config") else cls(**inner)
        if config.get("build_config") and hasattr(thing, "build_from_config") and not getattr(thing, "built", True):
            thing.build_from_config(config["build_config"])
        if config.get("compile_config") and hasattr(thing, "compile_from_config"):
            thing.compile_from_config(config["compile_config"])
        shared_objects.remember(config, thing)
    return thing


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that a config in Keras's spelling describes.

    Args:
        config: ``{"class_name": …, "config": …}`` or plain data; with `module_objects` also a name.
        custom_objects: further names, with the classes and functions they stand for.
        safe_mode: accepted; configs never run code, whatever it says.
        **kwargs: `module_objects`, a dict of further names.

    Raises:
        SerializationError: an unknown name.

    >>> deserialize_keras_object({"class_name": "__tuple__", "config": {"value": [1, 2]}})
    (1, 2)
    """
    known = {**(kwargs.pop("module_objects", None) or {}), **(custom_objects or {})}
    kwargs.pop("printable_module_name", None)
    if kwargs:
        raise ArgumentError(f"deserialize_keras_object has no argument {', '.join(map(repr, kwargs))}.")
    if isinstance(config, str) and config in known:
        return known[config]
    return deserialize(config, known)


def _find_class(config: dict[str, Any], custom_objects: Mapping[str, Any] | None, only: type | None = None) -> Any:
    name, registered = config["class_name"], config.get("registered_name")
    for candidate in (registered, name):
        if candidate and (found := get_registered_object(candidate, custom_objects)) is not None:
            return found
    # What a program brought has a registered name and no module of Keras's; it may be called as a class of ranvier is.
    ours = not (registered and config.get("module") is None)
    if ours and isinstance(name, str) and ">" not in name and name in _builtin:
        module = config.get("module") or "keras"
        if str(module).split(".")[0] in ("keras", "ranvier"):
            wanted = getattr(only, "keras_module", module)
            return _builtin.get(f"{module}>{name}") or _builtin.get(f"{wanted}>{name}") or _builtin[name]
    raise SerializationError(_unknown("class", registered or name))


def _unknown(kind: str, name: str) -> str:
    return (
        f"Unknown {kind} {str(name)[:100]!r}. A config may only name what ranvier defines or what the program registers: "
        f"decorate it with @register_keras_serializable(), or pass custom_objects={{{str(name)[:100]!r}: …}}."
    )


def deserialize_nested(value: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """`value` with every described object inside it made."""
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            return deserialize(value, custom_objects)
        with shared_objects.reading():
            return {k: deserialize_nested(v, custom_objects) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        with shared_objects.reading():
            return type(value)(deserialize_nested(v, custom_objects) for v in value)
    return value


def resolve(identifier: Any, base: type, table: Mapping[str, Any], argument: str, **overrides: Any) -> Any:
    """The object for an identifier: an object of `base`, a class of it, a config, a name in `table`, a callable or None.

    Args:
        identifier: what a user gave for `argument`.
        base: the class of the results.
        table: names (as users write them) with their classes.
        argument: what to call it in messages.
    """
    if identifier is None or isinstance(identifier, base):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier(**overrides)
    if isinstance(identifier, dict):
        return deserialize(identifier, only=base)
    if isinstance(identifier, str):
        found = get_registered_object(identifier) or table.get(identifier)
        if found is None:
            close = difflib.get_close_matches(identifier, table, n=3)
            hint = (
                f" Did you mean {', '.join(map(repr, close))}?"
                if close
                else f" Known names: {', '.join(sorted(table))}."
            )
            raise ArgumentError(f"Unknown {argument}: {identifier!r}.{hint}")
        return found(**overrides) if isinstance(found, type) else found
    if callable(identifier):
        return identifier
    raise ArgumentError(
        f"{argument} must be a name, an object, a callable or a config. Received: {identifier!r} of type "
        f"{type(identifier).__name__}"
    )
