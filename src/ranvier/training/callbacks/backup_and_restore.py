"""`BackupAndRestore`: save the state of the run as it goes, and go on from there after an interruption."""

from __future__ import annotations

import os

from ...core.errors import ArgumentError, ArgumentTypeError
from ..spec import check_count
from .callback import Callback

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Let the same `fit`, started again after an interruption, go on where its last backup stands.

    It goes on to the same bits as if it had not been interrupted: weights, optimizer, order of the samples, dropout,
    metrics of the running epoch, `History` and the state of the other callbacks. `fit` makes the backups, between
    callbacks: one before the first epoch, then as `save_freq` says. The newest and the one before are kept.

    `fit(resume=folder)` does the same, chooses when by itself, and keeps the result.

    Args:
        backup_dir: a folder, for this run alone.
        save_freq: ``"epoch"``: after each epoch; or a number of batches, also in the middle of an epoch.
        double_checkpoint: accepted; the backup before the newest is always kept.
        delete_checkpoint: remove the backups when `fit` has ended.

    Raises:
        ArgumentError: no folder, another `save_freq`; from `fit`: backups of another model, data or batch size.

    >>> import ranvier
    >>> hooks = [ranvier.callbacks.BackupAndRestore("backups", save_freq=1000)]
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        if not isinstance(backup_dir, (str, os.PathLike)):
            raise ArgumentTypeError(f"backup_dir must be the path of a folder. Received: backup_dir={backup_dir!r}")
        self.backup_dir = os.fspath(backup_dir)
        if not self.backup_dir:
            raise ArgumentError("backup_dir must name a folder. Received: backup_dir=''")
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ArgumentError(f"save_freq must be 'epoch' or a number of batches. Received: {save_freq=}")
            check_count("save_freq", save_freq, optional=False)
        self.save_freq = save_freq
        self.double_checkpoint = bool(double_checkpoint)
        self.delete_checkpoint = bool(delete_checkpoint)
