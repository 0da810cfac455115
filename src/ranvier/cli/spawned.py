"""What a process that ``ranvier run``'s program spawned runs under the name ``__mp_main__``: the program, on ranvier."""

from ranvier.cli.worker import follow

__all__: list[str] = []

if __name__ == "__mp_main__":
    globals().update({name: value for name, value in follow().items() if not name.startswith("__")})
