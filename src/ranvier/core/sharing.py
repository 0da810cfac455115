"""Whether the program draws random numbers in ways that only a generator for all models can serve; loads nothing."""

__all__ = ["forget", "is_wanted", "want"]

_wanted = [False]


def want() -> None:
    """From now on every model's state has the generator that all share (`random.shared_generator`) in it."""
    _wanted[0] = True


def is_wanted() -> bool:
    """Whether `want` was called."""
    return _wanted[0]


def forget() -> None:
    """As if `want` had not been called."""
    _wanted[0] = False
