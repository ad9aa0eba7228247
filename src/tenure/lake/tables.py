"""The shape of every computed table that others read, so that one not yet computed is a typed empty table."""

import pyarrow as pa

_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()

COMPUTED: dict[str, pa.Schema] = {
    # Who is behind each source's customer number. own_id was minted for it once; person_id is the oldest own_id
    # among the numbers that are the same person.
    "identity/links": pa.schema(
        [("ids_of", _TEXT), ("customer_id", _TEXT), ("own_id", _WHOLE), ("person_id", _WHOLE), ("why", _TEXT)]
    ),
    # Records a system we moved from no longer has. They count as before: archived is a state, not a deletion. Which
    # they are is told by keyed digests of source, contract and key, so the list itself names nobody.
    "sources/archived": pa.schema(
        [("digest", _TEXT), ("ids_of", _TEXT), ("contract", _TEXT), ("by", _TEXT), ("at", pa.timestamp("us", tz="UTC"))]
    ),
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
        [("person_id", _WHOLE), ("days", _WHOLE), ("ended", pa.bool_()), ("kind", _TEXT), ("plan", _TEXT)]
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
            ("extra", _TEXT),
        ]
    ),
}
