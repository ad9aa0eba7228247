"""What every value model has in common: parameters by name, a plain likeness, errors of estimation, frames in and out."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from tenure.insight.frames import to_numbers
from tenure.insight.value import likelihood

Numbers = NDArray[np.float64]
M = TypeVar("M", bound="ValueModel")
P = TypeVar("P", bound="Parametric")

# How far a log-parameter is moved to see how a forecast follows it: the error of a central difference is its square.
NUDGE = 1e-4


class ValueModel:
    """A model of what customers will still be worth, used as scikit-learn's are.

    Settings are arguments of the constructor and are only kept there; `fit` learns and returns the model; what was
    learned ends in `_`; `predict` takes a frame of any kind and gives the same kind back, with columns added.
    """

    @classmethod
    def _settings(cls) -> list[str]:
        return [name for name in inspect.signature(cls).parameters if name not in ("args", "kwargs")]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as given. deep: taken as scikit-learn gives it; no model holds another."""
        return {name: getattr(self, name) for name in self._settings()}

    def set_params(self: M, **settings: Any) -> M:
        """Change settings by name.

        Raises ValueError for a name that is none.
        """
        known = self._settings()
        for name, value in settings.items():
            if name not in known:
                has = ", ".join(known) or "none"
                raise ValueError(f"{type(self).__name__} has no setting {name!r}; it has: {has}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        learned = self._likeness()
        return f"{type(self).__name__}({settings})" + (f" fitted: {learned}" if learned else "")

    def _likeness(self) -> str:
        """What was learned, on one line; nothing before the fit."""
        return ""


class Parametric(ValueModel):
    """A value model with a few positive parameters found by maximum likelihood.

    Fitted: each parameter under its name with `_`, log_likelihood_, n_customers_, standard_errors_, covariance_,
    at_limit_ (names of parameters that ran to the edge of the search: in that respect the customers are as good as
    alike, and forecasts still stand).
    """

    NAMES: ClassVar[tuple[str, ...]]
    log_likelihood_: float
    n_customers_: float
    at_limit_: tuple[str, ...]

    @classmethod
    def _with(cls: type[P], parameters: Sequence[float] | Numbers) -> P:
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        model = cls()
        for name, value in zip(cls.NAMES, parameters, strict=True):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be above 0; found {value}")
            setattr(model, f"{name}_", float(value))
        return model

    @property
    def parameters_(self) -> dict[str, float]:
        """The parameters by name."""
        self._fitted()
        return {name: getattr(self, f"{name}_") for name in self.NAMES}

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter, from the observed information; NaN where the data can't tell.

        Raises ValueError for a model whose parameters were given instead of fitted.
        """
        spread = np.sqrt(np.diag(self._log_covariance()))
        return {
            name: float(value * error)
            for (name, value), error in zip(self.parameters_.items(), spread, strict=True)
        }  # fmt: skip

    @property
    def covariance_(self) -> Numbers:
        """Covariance of the parameters, in the order of their names; NaN where the data can't tell.

        Raises ValueError for a model whose parameters were given instead of fitted.
        """
        point = np.array(list(self.parameters_.values()))
        found: Numbers = self._log_covariance() * np.outer(point, point)
        return found

    def error_of(self: P, forecast: Callable[[P], Any]) -> Numbers:
        """Standard error of what `forecast` reads off a model of this kind, by the delta method.

        forecast: given a model, gives a number or an array, such as `lambda model: model.expected_purchases(…).sum()`.
        It says how well the customers seen tell the expectation, not how far one customer may stray from it. A
        parameter at the edge of its search counts as known.

        Raises ValueError for a model whose parameters were given instead of fitted.
        """
        covariance = self._log_covariance()
        known = np.isnan(np.diag(covariance))
        if known.all():
            return np.full(np.shape(forecast(self)), np.nan)
        point = np.log(np.array(list(self.parameters_.values())))
        slopes = []
        for at in np.flatnonzero(~known):
            step = np.zeros(len(point))
            step[at] = NUDGE
            up, down = (self._moved(np.exp(point + sign * step)) for sign in (1, -1))
            slopes.append((np.asarray(forecast(up)) - np.asarray(forecast(down))) / (2 * NUDGE))
        by = np.stack(slopes)
        error: Numbers = np.sqrt(np.einsum("i...,ij,j...->...", by, covariance[np.ix_(~known, ~known)], by).clip(0))
        return error

    def _moved(self: P, parameters: Numbers) -> P:
        """This model with other parameters and all else as it is."""
        model = copy.copy(self)
        for name, value in zip(self.NAMES, parameters, strict=True):
            setattr(model, f"{name}_", float(value))
        return model

    def _settle(self, seen: likelihood.Likelihood, top: likelihood.Top, customers: float) -> None:
        """Keep what the climb found; the errors are worked out when somebody asks."""
        for name, value in zip(self.NAMES, top.parameters, strict=True):
            setattr(self, f"{name}_", float(value))
        self.n_customers_ = customers
        self.log_likelihood_ = top.value * customers
        self.at_limit_ = tuple(name for name, limit in zip(self.NAMES, top.at_limit, strict=True) if limit)
        self._information = top.information * customers

    def as_document(self) -> dict[str, Any]:
        """All that was fitted, as plain values JSON can hold. Raises ValueError for parameters that were given."""
        self._log_covariance()
        return {
            "parameters": list(self.parameters_.values()), "customers": self.n_customers_, "at_limit": list(self.at_limit_),
            "log_likelihood": self.log_likelihood_, "information": self._information.tolist(),
        }  # fmt: skip

    @classmethod
    def of_document(cls: type[P], told: Mapping[str, Any]) -> P:
        """A fitted model again, of what its `as_document` told."""
        model = cls._with(told["parameters"])
        model.n_customers_, model.log_likelihood_ = told["customers"], told["log_likelihood"]
        model.at_limit_, model._information = tuple(told["at_limit"]), np.array(told["information"])
        return model

    def _log_covariance(self) -> Numbers:
        if not hasattr(self, "_information"):
            raise ValueError("standard errors come with a fit to customers; call fit(…) first")
        free = np.array([name not in self.at_limit_ for name in self.NAMES])
        found = np.full(self._information.shape, np.nan)
        if free.any():
            found[np.ix_(free, free)] = likelihood.inverse(self._information[np.ix_(free, free)])
        return found

    def _fitted(self) -> None:
        if not hasattr(self, f"{self.NAMES[0]}_"):
            raise ValueError("this model has no parameters yet; call fit(…) first")

    def _likeness(self) -> str:
        if not hasattr(self, f"{self.NAMES[0]}_"):
            return ""
        return ", ".join(f"{name} {value:.6g}" for name, value in self.parameters_.items())


def columns(frame: Any, names: Sequence[str]) -> list[Numbers]:
    """These columns of a frame of any kind, or of a mapping of columns, as numbers.

    Raises ValueError, naming what is missing and what is there.
    """
    return [to_numbers(column(frame, name), name) for name in names]


def column(frame: Any, name: str) -> Any:
    """One column of a frame as it is.

    Raises ValueError, naming what is missing and what is there.
    """
    there = list(frame) if isinstance(frame, Mapping) else _names(frame)
    if name not in there:
        raise ValueError(f"the frame has no column {name}; it has: {', '.join(map(str, there)) or 'none'}")
    return frame[name]


def with_columns(frame: Any, added: Mapping[str, Any]) -> Any:
    """The frame with these columns added, of the kind it was: pandas, Polars, Arrow, or a dict of arrays."""
    if isinstance(frame, Mapping):
        return {**frame, **added}
    native = nw.from_native(frame, eager_only=True)
    found = native.with_columns(
        *(nw.new_series(name, values, backend=native.implementation) for name, values in added.items())
    )
    if native.implementation is nw.Implementation.PANDAS:
        # Columns line up by position with the rows they were worked out from, whatever the index says.
        native_frame = nw.to_native(native)
        return native_frame.assign(**{name: np.asarray(values) for name, values in added.items()})
    return nw.to_native(found)


def frame_like(frame: Any, made: Mapping[str, Any]) -> Any:
    """A new frame of these columns, of the kind the given one is."""
    if isinstance(frame, Mapping):
        return dict(made)
    return nw.to_native(nw.from_dict(dict(made), backend=nw.from_native(frame, eager_only=True).implementation))


def _names(frame: Any) -> list[str]:
    try:
        return list(nw.from_native(frame, eager_only=True).columns)
    except TypeError as error:
        raise ValueError(
            "expected a frame with a row a customer (pandas, Polars, Arrow, or a dict of columns); "
            f"found {type(frame).__name__}"
        ) from error
