"""``tf.errors``: TensorFlow's names for errors, as far as something here raises them."""

from .declaring import InvalidArgumentError

__all__ = [
    "InvalidArgumentError",
    "NotFoundError",
    "OpError",
    "OutOfRangeError",
    "ResourceExhaustedError",
    "UnimplementedError",
]

OpError = Exception
NotFoundError = FileNotFoundError
OutOfRangeError = StopIteration
ResourceExhaustedError = MemoryError
UnimplementedError = NotImplementedError


def __getattr__(name: str) -> object:
    from .absent import absence

    raise AttributeError(absence("errors", name, __all__))
