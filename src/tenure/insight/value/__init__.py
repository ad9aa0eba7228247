"""What customers will still be worth: how often they will buy again, and for how much."""

from tenure.insight.value.bgnbd import BGNBD
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.pareto import ParetoNBD
from tenure.insight.value.summary import summary

__all__ = ["BGNBD", "MBGNBD", "GammaGamma", "NotEnoughDataError", "ParetoNBD", "summary"]
