"""The shape of every computed table that others read, so that one not yet computed is a typed empty table."""

import pyarrow as pa

_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()

COMPUTED: dict[str, pa.Schema] = {
    # Who is behind each source's customer number. own_id was minted for it once; person_id is the oldest own_id
    # among the numbers that are the same person.
    "identity/links": pa.schema(
        [("ids_of", _TEXT), ("customer_id", _TEXT), ("own_id", _WHOLE), ("person_id", _WHOLE), ("why", _TEXT)]
    ),
    # Persons of whom every record of their own is archived: they and what hangs on them are left out of everything.
    "identity/archived": pa.schema([("person_id", _WHOLE)]),
    # Pairs of numbers (own ids, left the smaller) that may be one person: how likely, why (fields and levels, no values),
    # what becomes of them ("join", "ask", "apart") and what a person decided ("", "join", "apart").
    "identity/pairs": pa.schema(
        [
            ("left_own", _WHOLE),
            ("right_own", _WHOLE),
            ("weight", _NUMBER),
            ("probability", _NUMBER),
            ("band", _TEXT),
            ("why", _TEXT),
            ("decided", _TEXT),
        ]
    ),
    # People's word on pairs of numbers, every one ever given; the newest of a pair counts.
    "identity/decisions": pa.schema(
        [
            ("left_ids_of", _TEXT),
            ("left_customer_id", _TEXT),
            ("right_ids_of", _TEXT),
            ("right_customer_id", _TEXT),
            ("verdict", _TEXT),
            ("at", pa.timestamp("us", tz="UTC")),
        ]
    ),
    # The life-cycle stage of each person at each month's end and now.
    "scores/stages": pa.schema([("person_id", _WHOLE), ("as_of", pa.date32()), ("stage", _TEXT)]),
    # The RFM scores, cell and ABC class of each buyer at each month's end and now.
    "scores/rfm_months": pa.schema(
        [
            ("person_id", _WHOLE),
            ("as_of", pa.date32()),
            ("r", pa.int8()),
            ("f", pa.int8()),
            ("m", pa.int8()),
            ("cell", _TEXT),
            ("abc", _TEXT),
        ]
    ),
    # How each customer bought in the year before: what tiers and personas are made of. brought, before: paid less given
    # back in the last 12 months and in the 12 before; tenure_days: since the first purchase or contract.
    "scores/habits": pa.schema(
        [
            ("person_id", _WHOLE),
            ("recency_days", _WHOLE),
            ("visits", _WHOLE),
            ("basket_base_minor", _WHOLE),
            ("brought_base_minor", _WHOLE),
            ("before_base_minor", _WHOLE),
            ("tenure_days", _WHOLE),
            ("fee_base_minor", _WHOLE),
            ("discount_share", _NUMBER),
            ("refund_share", _NUMBER),
            ("margin_share", _NUMBER),
            ("products", _WHOLE),
            ("channel", _TEXT),
            ("category", _TEXT),
        ]
    ),
    # The tier of each customer, what decided, and the tier before. p_…: the share of customers ahead of which it is.
    "scores/tiers": pa.schema(
        [
            ("person_id", _WHOLE),
            ("tier", _TEXT),
            ("tier_points", _NUMBER),
            ("tier_rule", _TEXT),
            ("p_value", _NUMBER),
            ("p_brought", _NUMBER),
            ("p_margin", _NUMBER),
            ("p_tenure", _NUMBER),
            ("growth", _NUMBER),
            ("newly", pa.bool_()),
            ("tenure_days", _WHOLE),
            ("brought_base_minor", _WHOLE),
            ("tier_before", _TEXT),
            ("tier_version", _WHOLE),
            ("as_of", pa.date32()),
        ]
    ),
    # Every move from tier to tier so far, with the reason in one line.
    "scores/tier_moves": pa.schema(
        [
            ("person_id", _WHOLE),
            ("as_of", pa.date32()),
            ("at", pa.timestamp("us", tz="UTC")),
            ("tier_before", _TEXT),
            ("tier", _TEXT),
            ("tier_why_en", _TEXT),
            ("tier_why_zh", _TEXT),
            ("tier_version", _WHOLE),
        ]
    ),
    # The group of customers alike that each belongs to, and the one at the refresh before; named in the document "personas".
    "scores/clusters": pa.schema(
        [("person_id", _WHOLE), ("persona", _TEXT), ("persona_before", _TEXT), ("as_of", pa.date32())]
    ),
    # What each person is expected to bring in the twelve months after as_of, of which contract_base_minor from contracts;
    # simple_base_minor by the back-of-an-envelope formula; before_*: the same at the refresh before, where there was one.
    "scores/value": pa.schema(
        [
            ("person_id", _WHOLE),
            ("p_alive", _NUMBER),
            ("expected_purchases", _NUMBER),
            ("value_base_minor", _WHOLE),
            ("value_decile", _WHOLE),
            ("contract_base_minor", _WHOLE),
            ("simple_base_minor", _WHOLE),
            ("as_of", pa.date32()),
            ("before_on", pa.date32()),
            ("before_base_minor", _WHOLE),
            ("before_decile", _WHOLE),
        ]
    ),
    # How long each person has been a customer, and whether they left: by contract, or by a stated silence (see survival).
    "scores/lives": pa.schema(
        [
            ("person_id", _WHOLE),
            ("days", _WHOLE),
            ("ended", pa.bool_()),
            ("kind", _TEXT),
            ("plan", _TEXT),
            ("ahead_days", _NUMBER),
        ]
    ),
    # Who is about to leave at points in the past, one wherever the score moved (`pipeline.score_history`). drivers: JSON,
    # driver → log-odds; change: JSON, what the move since the point before is put down to; model: a mark of the one that
    # said so; kind: "scored" on the day itself, or "tried": said since by a model that had learned only what was known then.
    "scores/churn_history": pa.schema(
        [
            ("person_id", _WHOLE),
            ("as_of", pa.date32()),
            ("churn_probability", _NUMBER),
            ("risk_band", _TEXT),
            ("drivers", _TEXT),
            ("change", _TEXT),
            ("model", _TEXT),
            ("kind", _TEXT),
        ]
    ),
    # What was bought and given back by day, in runs by person and day: what several rows say of one person's day adds up.
    "features/purchase_days": pa.schema(
        [("person_id", _WHOLE), ("ordered_on", pa.date32()), ("bought", pa.bool_()), ("net_base_minor", _WHOLE)]
    ),
    # How each customer bought in the year before, as far as lines of orders tell (`insight.segments.habits`).
    "features/habits": pa.schema(
        [
            ("person_id", _WHOLE),
            ("discount_share", _NUMBER),
            ("refund_share", _NUMBER),
            ("margin_share", _NUMBER),
            ("products", _WHOLE),
            ("channel", _TEXT),
            ("category", _TEXT),
        ]
    ),
    # What the points of the history were made from (`insight.churn.facts`): of each customer the newest two.
    "features/churn_kept": pa.schema(
        [
            ("person_id", _WHOLE),
            ("as_of", pa.date32()),
            ("columns", _TEXT),
            ("numbers", pa.list_(_NUMBER)),
            ("texts", pa.list_(_TEXT)),
        ]
    ),
    # What is missing, wrong, shared or old in the records in force, by source, field ("" the record as a whole) and
    # month of receipt. flaws: JSON, how many of each; no value of anybody.
    "quality/fields": pa.schema(
        [
            ("contract", _TEXT),
            ("source", _TEXT),
            ("field", _TEXT),
            ("month", pa.date32()),
            ("rows", _WHOLE),
            ("flaws", _TEXT),
        ]
    ),
    # The card of each person, as published to the desk.
    "scores/customers": pa.schema(
        [
            ("person_id", _WHOLE),
            ("customer_id", _TEXT),
            ("source", _TEXT),
            ("also_known_as", pa.list_(_TEXT)),
            ("name", _TEXT),
            ("pinyin", _TEXT),
            ("kind", _TEXT),
            ("phone", _TEXT),
            ("email", _TEXT),
            ("region", _TEXT),
            ("city", _TEXT),
            ("language", _TEXT),
            ("owner", _TEXT),
            ("team", _TEXT),
            ("blocked", pa.bool_()),
            ("created_on", pa.date32()),
            ("first_order_on", pa.date32()),
            ("last_order_on", pa.date32()),
            ("recency_days", _WHOLE),
            ("frequency", _WHOLE),
            ("monetary_base_minor", _WHOLE),
            ("r", _WHOLE),
            ("f", _WHOLE),
            ("m", _WHOLE),
            ("rfm_cell", _TEXT),
            ("abc", _TEXT),
            ("stage", _TEXT),
            ("stage_why_en", _TEXT),
            ("stage_why_zh", _TEXT),
            ("p_alive", _NUMBER),
            ("value_base_minor", _WHOLE),
            ("value_decile", _WHOLE),
            ("churn_probability", _NUMBER),
            ("risk_band", _TEXT),
            ("reasons", _TEXT),
            ("fee_base_minor", _WHOLE),
            ("open_cases", _WHOLE),
            ("last_nps", _NUMBER),
            ("tier", _TEXT),
            ("persona", _TEXT),
            ("extra", _TEXT),
        ]
    ),
}
