"""pandas tables as arrays: columns are features. pandas itself is never imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import DataError

__all__ = ["frame_values", "series_values"]


def frame_values(frame: Any, name: str) -> np.ndarray:
    """The values of a DataFrame, (rows, columns).

    Raises:
        DataError: a column does not hold numbers.
    """
    for i, (column, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True)):
        if not _is_numeric(dtype):
            raise DataError(_complaint(f"Column {column!r} of {name}", dtype, frame.iloc[:, i]))
    dtypes = list(frame.dtypes)
    if any(_is_extension(dtype) for dtype in dtypes):
        return frame.to_numpy(dtype=_common(dtypes, bool(frame.isna().to_numpy().any())), na_value=np.nan)
    # A table of numbers and flags would come out as Python objects.
    mixed = any(d.kind == "b" for d in dtypes) and not all(d.kind == "b" for d in dtypes)
    return frame.to_numpy(dtype=_common(dtypes, False)) if mixed else frame.to_numpy()


def series_values(series: Any, name: str) -> np.ndarray:
    """The values of a Series as one column, (rows, 1), as Keras reads them.

    Raises:
        DataError: they are not numbers.
    """
    if not _is_numeric(series.dtype):
        raise DataError(_complaint(name, series.dtype, series))
    if _is_extension(series.dtype):
        missing = bool(series.isna().any())
        return series.to_numpy(dtype=_common([series.dtype], missing), na_value=np.nan).reshape(-1, 1)
    return series.to_numpy().reshape(-1, 1)


def _is_extension(dtype: Any) -> bool:
    return not isinstance(dtype, np.dtype)


def _is_numeric(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "iufb"


def _common(dtypes: list[Any], missing: bool) -> Any:
    """The NumPy dtype that holds all columns; missing values need a float."""
    found = np.result_type(*(getattr(d, "numpy_dtype", d) for d in dtypes))
    return np.result_type(found, np.float64) if missing else found


def _complaint(where: str, dtype: Any, values: Any) -> str:
    example = f", such as {values.iloc[0]!r}" if hasattr(values, "iloc") and len(values) else ""
    return (
        f"{where} must hold numbers. Received: dtype {dtype}{example}. Encode it first (pandas.get_dummies for "
        "categories, "
        "pandas.to_numeric for numbers kept as text), or drop it."
    )
