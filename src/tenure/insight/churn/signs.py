"""Of which features the business knows the sign, whatever a company's records happen to say in a thin corner."""

# feature -> 1: more of it may only raise the risk; -1: more of it may only lower it. Counts of contacts and complaints
# are not among them: who still talks to a company has not left it yet.
SIGNS: dict[str, int] = {
    "order_recency_days": 1,
    "silence_ratio": 1,
    "event_recency_days": 1,
    "p_alive": -1,
    "unresolved_cases": 1,
    "oldest_unresolved_days": 1,
    "late_delivery_share": 1,
    "last_case_satisfaction": -1,
    "last_nps": -1,
    "last_csat": -1,
    "last_sentiment": -1,
    "mean_sentiment_90": -1,
    "auto_renew": -1,
}
