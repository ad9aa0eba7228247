"""What the value models refuse to be fitted on, said so that the caller can mend it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.enough import NotEnoughDataError as NotEnoughDataError
from tenure.insight.frames import to_numbers

Numbers = NDArray[np.float64]

# Counts are purchases; past this they are an amount or a time stamp in the wrong column.
MOST_PURCHASES = 1_000_000


def purchase_histories(x: Any, t_x: Any, T: Any) -> tuple[Numbers, Numbers, Numbers]:
    """Repeat purchases, time of the last and age of each customer, checked, as floats of one length.

    Raises ValueError naming the column, the first row at fault (from 0) and what was expected of it.
    """
    columns = {"x": to_numbers(x, "x"), "t_x": to_numbers(t_x, "t_x"), "T": to_numbers(T, "T")}
    same_length(columns)
    for name, column in columns.items():
        not_negative(column, name)
    x_, t_x_, T_ = columns.values()
    whole_counts(x_)
    refuse(t_x_ > T_, "t_x must not be later than T", {"t_x": t_x_, "T": T_}, "give both in one unit, from one start")
    refuse(
        (x_ == 0) & (t_x_ > 0),
        "t_x must be 0 for a customer without a repeat purchase (x = 0)",
        {"t_x": t_x_},
        "x counts the purchases after the first; t_x is measured from the first",
    )
    refuse(
        (x_ > 0) & (t_x_ == 0),
        "t_x must be above 0 for a customer with repeat purchases",
        {"x": x_, "t_x": t_x_},
        "purchases in the period of the first are one purchase; count them once",
    )
    return x_, t_x_, T_


def weights_for(weights: Any, rows: int) -> Numbers:
    """How many customers each row stands for: ones where `weights` is None."""
    if weights is None:
        return np.ones(rows)
    numbers = to_numbers(weights, "weights")
    if len(numbers) != rows:
        raise ValueError(f"weights must have one value a customer; found {len(numbers)} for {rows} customers")
    not_negative(numbers, "weights")
    if not numbers.any():
        raise ValueError("weights must not all be 0: nobody would be left; leave them out to count each row once")
    return numbers


def same_length(columns: dict[str, Numbers]) -> None:
    """Raises ValueError where the columns differ in length or have no rows."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{' and '.join(columns)} must have one row a customer each; found: {found}")
    if not next(iter(lengths.values())):
        raise ValueError(f"{' and '.join(columns)} are empty; expected one row a customer")


def not_negative(column: Numbers, name: str) -> None:
    refuse(~np.isfinite(column), f"{name} must be a finite number", {name: column}, "drop or fill the row first")
    refuse(column < 0, f"{name} must not be negative", {name: column}, "correct or drop the row first")


def whole_counts(x: Numbers) -> None:
    hint = "x counts purchases after the first; is another column in its place?"
    refuse(x != np.floor(x), "x must be a whole number", {"x": x}, hint)
    refuse(x > MOST_PURCHASES, f"x must be at most {MOST_PURCHASES:,}", {"x": x}, hint)


def refuse(wrong: NDArray[np.bool_], expected: str, columns: dict[str, Numbers], hint: str) -> None:
    """Raise ValueError where any row is wrong: what was expected, the first that is not so, what to do."""
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    found = ", ".join(f"{name} = {column[row]:g}" for name, column in columns.items())
    raise ValueError(f"{expected}; found {found} in row {row} ({int(wrong.sum())} such rows). {hint}.")
