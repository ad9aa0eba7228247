"""What customers will still be worth: how often they will buy again, and for how much."""

from tenure.insight.value.bgnbd import BGNBD
from tenure.insight.value.checks import NotEnoughDataError
from tenure.insight.value.gamma_gamma import GammaGamma
from tenure.insight.value.hybrid import HybridCLV
from tenure.insight.value.markov import MarkovCLV
from tenure.insight.value.mbgnbd import MBGNBD
from tenure.insight.value.pareto import ParetoNBD
from tenure.insight.value.sbg import ShiftedBetaGeometric
from tenure.insight.value.summary import summary

__all__ = [
    "BGNBD",
    "MBGNBD",
    "GammaGamma",
    "HybridCLV",
    "MarkovCLV",
    "NotEnoughDataError",
    "ParetoNBD",
    "ShiftedBetaGeometric",
    "summary",
]
