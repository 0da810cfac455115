"""Every exception and warning that ranvier raises on its own account.

::

    RanvierError
    ├── ArgumentError (ValueError)        an argument's value is not usable
    │   ├── ShapeError                    shapes that do not fit together
    │   │   └── UnknownSizeError          a size that is needed is unknown (None)
    │   └── DataError                     training data that cannot be used
    ├── ArgumentTypeError (ValueError, TypeError)  an argument has the wrong type
    │   └── NotDefinedError (NotImplementedError)  a method that the subclass must define
    ├── NotBuiltError (ValueError)        asked for numbers before they exist
    ├── NotCompiledError (ValueError)     training asked of a model without `compile()`
    ├── TraceError (RuntimeError)         a variable used where the trace was not given it
    ├── DivergenceError (RuntimeError)    a loss that became NaN or infinite
    ├── SerializationError (ValueError)   a config or a file that cannot be read or written
    ├── DownloadError (OSError)           a file that could not be fetched, or is not the one expected
    └── MissingDependencyError (ImportError)  an optional package is absent
    RanvierWarning (UserWarning)
    └── DataWarning                       data that trains, but probably not as meant

Each also derives from the built-in exception that Keras raises in the same place, so `except ValueError`
written for Keras still works.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "DataError",
    "DataWarning",
    "DivergenceError",
    "DownloadError",
    "MissingDependencyError",
    "NotBuiltError",
    "NotCompiledError",
    "NotDefinedError",
    "RanvierError",
    "RanvierWarning",
    "SerializationError",
    "ShapeError",
    "TraceError",
    "UnknownSizeError",
]


class RanvierError(Exception):
    """Base of every error that ranvier raises on its own account."""


class ArgumentError(RanvierError, ValueError):
    """An argument's value is not usable."""


class ShapeError(ArgumentError):
    """Shapes that do not fit together."""


class UnknownSizeError(ShapeError):
    """A size that is needed is unknown (None) in a symbolic tensor."""


class DataError(ArgumentError):
    """Training data that cannot be used."""


class ArgumentTypeError(RanvierError, ValueError, TypeError):
    """An argument has the wrong type. Also a ValueError, which is what Keras raises for most of these."""


class NotDefinedError(ArgumentTypeError, NotImplementedError):
    """A method that subclasses define was called on a class that does not define it."""


class NotBuiltError(RanvierError, ValueError):
    """Numbers were asked for before the object's weights exist."""


class NotCompiledError(RanvierError, ValueError):
    """Training was asked of a model that has no loss or optimizer yet."""


class TraceError(RanvierError, RuntimeError):
    """A variable was read or assigned inside a trace that was not given it."""


class DivergenceError(RanvierError, RuntimeError):
    """The loss became NaN or infinite, and the caller asked for an exception."""


class SerializationError(RanvierError, ValueError):
    """A config or a file cannot be read or written."""


class DownloadError(RanvierError, OSError):
    """A file could not be fetched, or is not the one expected."""


class MissingDependencyError(RanvierError, ImportError):
    """An optional package is absent; the message names the command that installs it."""

    def __init__(self, package: str, purpose: str, extra: str):
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed. Install it with: pip install 'ranvier[{extra}]'"
        )


class RanvierWarning(UserWarning):
    """Base of every warning that ranvier gives on its own account."""


class DataWarning(RanvierWarning):
    """The data trains, but probably not as meant."""
