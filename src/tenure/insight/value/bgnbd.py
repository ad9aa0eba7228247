"""How often a customer will buy again, where nobody says goodbye: the BG/NBD model.

P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2), 275-284.
"""

from tenure.insight.value.geometric import Coins


class BGNBD(Coins):
    """Foretells each customer's purchases from how many repeat purchases they made, and when the last one was.

    While a customer is active they buy at random moments at their own rate λ; after each repeat purchase they
    leave for good with their own probability p. Over customers λ ~ Gamma(r, α) and p ~ Beta(a, b), so

        L(x, t_x, T) = B(a, b+x) / B(a, b) · Γ(r+x) α^r / Γ(r)
                       · [ (α+T)^-(r+x) + 1{x>0} · a / (b+x-1) · (α+t_x)^-(r+x) ]

    x: repeat purchases: the periods (days) with a purchase, less the first. t_x: time of the last, from the first.
    T: age, time from the first purchase to the end of what was seen. t_x, T and later t share one unit, any.
    Given as one frame with these columns (pandas, Polars, Arrow, a dict of arrays), or as columns or lists.

    Nobody leaves before a repeat purchase, so whoever has none (x = 0) is active for certain: p_alive is 1 there.

    Fitted: r_, alpha_ (in the unit of time), a_, b_, log_likelihood_, n_customers_ (the sum of the weights),
    standard_errors_ (from the observed information; NaN where the data can't tell), covariance_, at_limit_ (names of
    parameters that ran to the edge of the search: in that respect the customers are as good as alike, and forecasts
    still stand).
    """

    @classmethod
    def of(cls, r: float, alpha: float, a: float, b: float) -> "BGNBD":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        return cls._with((r, alpha, a, b))
