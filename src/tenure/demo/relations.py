"""Who belongs to whom: families at one address, and whoever was sent by somebody who was a customer already."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.demo.clock import DAY, OFFSET, Calendar
from tenure.demo.drawing import instants, stream, table
from tenure.demo.people import CHANNELS, People

KNOWN = 0.6  # of those who were sent, so many say by whom


def relations_table(people: People, families: pa.Table, calendar: Calendar, seed: int) -> pa.Table:
    """One row a relation, noted at the counter some days after the later of the two had come.

    families: pairs of different people, with the reason why they are alike.
    """
    rng = stream(seed, "relations")
    position = {one: place for place, one in enumerate(people.id)}
    together = families.filter(pc.equal(families["reason"], "family phone and address"))
    home = [[position[one] for one in together[side].to_pylist()] for side in ("customer_a", "customer_b")]
    sent = np.flatnonzero((people.channel == CHANNELS.index("referral")) & (rng.random(len(people)) < KNOWN))
    by = rng.integers(0, len(people), len(sent))
    earlier = people.joined[by] < people.joined[sent]
    one = np.concatenate([home[0], sent[earlier]]).astype(np.int64)
    other = np.concatenate([home[1], by[earlier]]).astype(np.int64)
    since = np.maximum(people.joined[one], people.joined[other])
    noted = np.minimum(since + (rng.random(len(one)) * 20 * DAY).astype(np.int64), calendar.end - 1)
    return table(
        "relations",
        {
            "customer_id": pa.array(people.id[one], pa.string()),
            "related_id": pa.array(people.id[other], pa.string()),
            "relation": pa.array(["household"] * len(home[0]) + ["referrer"] * int(earlier.sum())),
            "since": pa.array(((since + OFFSET) // DAY).astype("datetime64[D]")),
            "updated_at": instants(noted),
        },
    )
