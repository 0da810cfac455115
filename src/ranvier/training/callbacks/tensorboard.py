"""`TensorBoard`: metrics, weights and profiles for the TensorBoard application."""

from __future__ import annotations

import json
import os
import time
import warnings
from numbers import Integral
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ArgumentTypeError, RanvierError, RanvierWarning
from .callback import Callback, Logs
from .checks import count, nearest
from .event_files import EventFiles, require_tensorboard_x, weight_image
from .learning_rates import learning_rate_of, rated_optimizers

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write event files to ``log_dir/train`` and ``log_dir/validation``, to be seen with ``tensorboard --logdir``.

    Needs the package tensorboardX: ``pip install 'ranvier[tensorboard]'``.

    Tags are Keras's: ``epoch_loss`` and so on for each metric, ``epoch_learning_rate``, ``batch_…``,
    ``evaluation_…_vs_iterations``.

    Args:
        log_dir: the folder to write to.
        histogram_freq: write histograms of all weights every so many epochs; 0: never.
        write_graph: write the model's structure: of functional and Sequential models the configuration, which
            TensorBoard draws as the conceptual graph; of subclassed ones the layers and what flows between them, which
            it draws as the run's graph.
        write_images: with the histograms, write weights as images.
        write_steps_per_second: write how fast training goes.
        update_freq: ``"epoch"``, ``"batch"``, or every so many batches: when metrics of training are written. Anything
            but "epoch" makes training return to Python after each batch.
        profile_batch: a batch, or the first and last of several, counted from 1, to profile with `jax.profiler`;
            0: none.
        embeddings_freq: write embeddings for the projector every so many epochs; 0: never.
        embeddings_metadata: a file with a label for each row, or a dict from layers' names to such files.

    Raises:
        MissingDependencyError: tensorboardX is not installed.
        ArgumentError: negative frequencies, an unknown update_freq, a bad range of batches.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict[str, str] | None = None,
    ):
        require_tensorboard_x()
        if not isinstance(log_dir, (str, os.PathLike)):
            raise ArgumentTypeError(f"log_dir must be the path of a folder. Received: log_dir={log_dir!r}")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = count("histogram_freq", histogram_freq)
        self.write_graph = bool(write_graph)
        self.write_images = bool(write_images)
        self.write_steps_per_second = bool(write_steps_per_second)
        self.update_freq = _update_freq(update_freq)
        self._first, self._last = _batches(profile_batch)
        self.embeddings_freq = count("embeddings_freq", embeddings_freq)
        self.embeddings_metadata = embeddings_metadata
        self.batch_hooks_optional = self.update_freq == "epoch" and not self._last
        self._files = EventFiles(self.log_dir)
        self._in_fit = self._profiling = False
        self._batch = 0

    @property
    def summary(self) -> Any:
        """tensorboardX's functions that make summaries."""
        return require_tensorboard_x().summary

    def get_state(self) -> dict[str, Any]:
        """The batch reached."""
        return {"batch": self._batch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Count on from a batch; times begin now."""
        self._batch = state["batch"]
        self._epoch_started = self._batch_started = time.perf_counter()
        self._steps_before = _iterations(self.model)

    # --- the run ----------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the model's structure."""
        self._in_fit = True
        self._batch = 0
        if self.write_graph:
            self._write_graph()
        if self.embeddings_freq:
            self._check_embeddings()

    def _write_graph(self) -> None:
        """The model's configuration, where it is one of a graph; of subclassed models the layers that their code calls."""
        if getattr(self.model, "graph", True) is not None:
            if config := _model_json(self.model):
                self._files.keras_graph("train", config)
            return
        try:
            self._files.layer_graph("train", self.model.layer_graph())
        except RanvierError as error:
            warnings.warn(f"TensorBoard gets no graph of '{self.model.name}': {error}", RanvierWarning, stacklevel=2)

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        self._in_fit = False
        self._end_profile()
        self._files.close()

    def on_test_end(self, logs: Logs = None) -> None:
        """Write what `evaluate`, or validation, found, against the optimizer's steps."""
        for name, value in (logs or {}).items():
            self._files.scalar("validation", f"evaluation_{name}_vs_iterations", value, _iterations(self.model))
        if not self._in_fit:
            self._files.close()

    # --- batches ----------------------------------------------------------------------------------------------------

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Begin the profile, if it is time."""
        self._batch += 1
        self._batch_started = time.perf_counter()
        if self._batch == self._first:
            import jax

            jax.profiler.start_trace(self.log_dir)
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write metrics every `update_freq` batches; end the profile, if it is time."""
        if self._batch >= self._last:
            self._end_profile()
        if not isinstance(self.update_freq, int) or self._batch % self.update_freq:
            return
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._batch_started
            self._files.scalar("train", "batch_steps_per_second", 1 / max(seconds, 1e-9), self._batch)
        for name, value in (logs or {}).items():
            self._files.scalar("train", f"batch_{name}", value, self._batch)

    def _end_profile(self) -> None:
        if self._profiling:
            import jax

            jax.profiler.stop_trace()
            self._profiling = False

    # --- epochs -----------------------------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the time."""
        self._epoch_started = time.perf_counter()
        self._steps_before = _iterations(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's metrics, and weights and embeddings if it is time."""
        logs = dict(logs or {})
        for name, value in logs.items():
            if name.startswith("val_"):
                self._files.scalar("validation", f"epoch_{name.removeprefix('val_')}", value, epoch)
            elif name != "learning_rate":
                self._files.scalar("train", f"epoch_{name}", value, epoch)
        if hasattr(getattr(self.model, "optimizer", None), "learning_rate"):
            for suffix, optimizer in rated_optimizers(self.model):
                self._files.scalar("train", f"epoch_learning_rate{suffix}", learning_rate_of(optimizer), epoch)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_started
            rate = (_iterations(self.model) - self._steps_before) / max(seconds, 1e-9)
            self._files.scalar("train", "epoch_steps_per_second", rate, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings(epoch)
        self._files.flush()

    def _write_weights(self, epoch: int) -> None:
        for weight in self.model.weights:
            name, value = weight.path.replace(":", "_"), np.asarray(weight)
            self._files.histogram("train", f"{name}/histogram", value, epoch)
            if self.write_images and (pixels := weight_image(value)) is not None:
                self._files.image("train", f"{name}/image", pixels, epoch)

    # --- embeddings -------------------------------------------------------------------------------------------------

    def _embeddings(self) -> dict[str, np.ndarray]:
        """The tables (rows, units) of the embedding layers, by the layers' names."""
        found = {}
        for layer in self.model.layers:
            table = getattr(layer, "embeddings", None)
            if table is not None and len(table.shape) == 2:
                found[layer.name] = np.asarray(table)
        return found

    def _check_embeddings(self) -> None:
        names = self._embeddings()
        for name in self.embeddings_metadata if isinstance(self.embeddings_metadata, dict) else ():
            if name not in names:
                raise ArgumentError(
                    f"embeddings_metadata names {name!r}, but the embedding layers are {list(names)}."
                    f"{nearest(name, names)}"
                )

    def _write_embeddings(self, epoch: int) -> None:
        """The tables as text, and the file that tells the projector where they are."""
        entries = []
        for name, table in self._embeddings().items():
            path = os.path.join("train", f"{name}-{epoch}.tsv")
            os.makedirs(os.path.join(self.log_dir, "train"), exist_ok=True)
            np.savetxt(os.path.join(self.log_dir, path), table, delimiter="\t")
            lines = [f"tensor_name: {json.dumps(name)}", f"tensor_path: {json.dumps(path)}"]
            labels = self.embeddings_metadata
            labels = labels.get(name) if isinstance(labels, dict) else labels
            if labels is not None:
                lines.append(f"metadata_path: {json.dumps(os.fspath(labels))}")
            entries.append("embeddings {\n  " + "\n  ".join(lines) + "\n}\n")
        if entries:
            with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
                file.write("".join(entries))


def _update_freq(value: Any) -> str | int:
    """``"epoch"`` or a number of batches."""
    if value == "batch":
        return 1
    if value == "epoch":
        return value
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ArgumentError(
            f"update_freq must be 'epoch', 'batch' or a number of batches, at least 1. Received: update_freq={value!r}"
        )
    return int(value)


def _batches(value: Any) -> tuple[int, int]:
    """The first and last batch to profile; (0, 0) for none."""
    pair: list[Any] = list(value) if isinstance(value, (tuple, list)) else [value, value]
    whole = len(pair) == 2 and all(isinstance(b, (int, np.integer)) and b >= 0 for b in pair)
    if not whole or pair[1] < pair[0] or (pair[0] == 0) != (pair[1] == 0):
        raise ArgumentError(
            "profile_batch must be 0, a batch counted from 1, or a pair (first, last) of batches. "
            f"Received: profile_batch={value!r}"
        )
    return int(pair[0]), int(pair[1])


def _iterations(model: Any) -> int:
    """The steps that the optimizer has made."""
    return int(getattr(getattr(model, "optimizer", None), "iterations", None) or 0)


def _model_json(model: Any) -> str | None:
    """The model's configuration as Keras writes it, for models that have one."""
    if not hasattr(model, "to_json"):
        return None
    try:
        return model.to_json()
    except (RanvierError, NotImplementedError, TypeError):
        return None  # a subclassed model that cannot be described; its metrics are written all the same
