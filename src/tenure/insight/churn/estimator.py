"""What scikit-learn's tools ask of a classifier, for every learner here."""

from abc import ABC, abstractmethod
from typing import Any, TypeVar

T = TypeVar("T", bound="Estimator")


class Estimator(ABC):
    """Settings by name, and what kind of estimator it is."""

    @abstractmethod
    def _names(self) -> tuple[str, ...]:
        """The settings there are."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self: T, **params: Any) -> T:
        known = self._names()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no setting {name!r}; it has: {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True, one_d_labels=True),
            classifier_tags=ClassifierTags(multi_class=False),
            input_tags=InputTags(categorical=True, string=True, allow_nan=True),
        )
