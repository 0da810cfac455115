"""The import workload: nothing but `sys` and `time` is imported before the clock starts.

Called with a module, and ``--model`` where it speaks Keras's API; answers with two figures in seconds.
"""

import sys
import time


def main(module: str, build: bool) -> None:
    """Import `module`, build a first model if asked, and print the times."""
    begin = time.perf_counter()
    __import__(module)
    imported = time.perf_counter() - begin
    answer = f'{{"import": [{imported}]'
    if build:
        keras = sys.modules[module]
        keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        answer += f', "first_model": [{time.perf_counter() - begin}]'
    print(f"RESULT {answer}}}")


if __name__ == "__main__":
    main(sys.argv[1], "--model" in sys.argv)
