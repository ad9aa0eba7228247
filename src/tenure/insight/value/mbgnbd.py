"""BG/NBD for those who may leave after their very first purchase: the MBG/NBD model.

E. P. Batislam, M. Denizel, A. Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3), 201-209.
"""

from tenure.insight.value.geometric import Coins


class MBGNBD(Coins):
    """Foretells purchases as BGNBD does, but lets customers leave right after their first purchase too.

    After every purchase, the first one included, a customer leaves for good with their own probability p:

        L(x, t_x, T) = B(a, b+x+1) / B(a, b) · Γ(r+x) α^r / Γ(r)
                       · [ (α+T)^-(r+x) + a / (b+x) · (α+t_x)^-(r+x) ]

    so whoever bought once and kept silent is ever less likely to be active, where BG/NBD holds them for certain.
    Columns, units and what is fitted are those of BGNBD.
    """

    FIRST = 1

    @classmethod
    def of(cls, r: float, alpha: float, a: float, b: float) -> "MBGNBD":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        return cls._with((r, alpha, a, b))
