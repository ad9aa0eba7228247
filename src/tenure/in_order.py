"""Tables by person: put in order where they are not in it yet."""

import numpy as np
import pyarrow as pa


def by_person(table: pa.Table) -> pa.Table:
    """The rows by person_id, those of one person as they came; the very table where it lies so already.

    Looking costs nothing beside copying a million rows of texts.
    """
    people = table["person_id"].to_numpy()
    if (people[1:] >= people[:-1]).all():
        return table
    return table.combine_chunks().take(pa.array(np.argsort(people, kind="stable")))
