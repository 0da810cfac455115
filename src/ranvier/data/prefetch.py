"""Reading ahead: a thread fills a short queue while the device computes; several make items side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

__all__ = ["Allowance", "in_order", "in_order_of", "prefetched"]


class Allowance:
    """How many items of an iterator may be drawn: what is drawn ahead of a generator and not used would be lost.

    Args:
        drawn: so many to begin with; None: all.
    """

    def __init__(self, drawn: int | None = 0):
        self.changed = threading.Condition()
        self.drawn = drawn

    def extend_to(self, number: int) -> None:
        """Let `number` items be drawn in all, if they may not be already."""
        with self.changed:
            if self.drawn is not None and number > self.drawn:
                self.drawn = number
                self.changed.notify_all()


class _Queue:
    """A bounded queue with an end, an error at the end, and a way for the reader to call it off."""

    def __init__(self, size: int, allowance: Allowance):
        self._size = size
        self._items: deque[Any] = deque()
        self._allowance, self._put = allowance, 0
        self._changed = allowance.changed
        self._ended = self._stopped = False
        self._error: BaseException | None = None

    def wait_for_room(self) -> bool:
        """Wait until another item may be made: besides those that wait, one; False once the reader has gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (len(self._items) <= self._size and self._may_draw()))
            return not self._stopped

    def _may_draw(self) -> bool:
        return self._allowance.drawn is None or self._put < self._allowance.drawn

    def put(self, item: Any) -> None:
        """Add an item, for which there is room."""
        with self._changed:
            if not self._stopped:
                self._items.append(item)
                self._put += 1
                self._changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        """No more items; `error`, if any, reaches the reader after those that are there."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """The reader goes; the writer stops at its next item."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


def _fill(queue: _Queue, make_iterator: Callable[[], Iterator[Any]]) -> None:
    error: BaseException | None = None
    try:
        iterator = iter(make_iterator())
        while queue.wait_for_room():
            try:
                item = next(iterator)
            except StopIteration:
                break
            queue.put(item)
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except BaseException as caught:
        error = caught
    queue.end(error)


def prefetched(
    make_iterator: Callable[[], Iterator[Any]], depth: int, allowance: Allowance | None = None
) -> Iterator[Any]:
    """The items of an iterator, read up to `depth` ahead by a thread.

    Args:
        make_iterator: called, and its result read and closed, in that thread.
        depth: how many items may wait; 0: no thread.
        allowance: how many items may be drawn at all; None: all.

    An exception of the iterator is raised here, after the items before it. Closing this generator, or dropping it,
    ends the thread after the item that it is making.
    """
    if depth < 1:
        yield from make_iterator()
        return
    queue = _Queue(depth, allowance or Allowance(None))
    threading.Thread(target=_fill, args=(queue, make_iterator), name="ranvier-prefetch", daemon=True).start()
    try:
        yield from queue
    finally:
        queue.stop()


def in_order(function: Callable[[Any], Any], items: Iterable[Any], threads: int, ahead: int) -> Iterator[Any]:
    """`function` of each item, in their order, made by `threads` threads up to `ahead` items ahead."""
    with ThreadPoolExecutor(threads, thread_name_prefix="ranvier-worker") as pool:
        yield from in_order_of(pool, function, items, ahead)


def in_order_of(pool: Executor, function: Callable[[Any], Any], items: Iterable[Any], ahead: int) -> Iterator[Any]:
    """The same with a pool of threads or processes that someone else opens and closes."""
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
