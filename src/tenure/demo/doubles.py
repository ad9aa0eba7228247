"""The same person under two numbers, and two persons who look like one: what identity has to tell apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.demo import names
from tenure.demo.clock import DAY, Calendar
from tenure.demo.drawing import Numbers, stream, table
from tenure.demo.people import People

DUPLICATED = 0.03
FAMILY_PAIRS = 0.006


@dataclass(frozen=True)
class Doubles:
    """People met a second time: `second_id` from the web shop is the person at `position` from `since` on."""

    position: Numbers
    second_id: list[str]
    since: Numbers
    rows: pa.Table


def draw_doubles(people: People, calendar: Calendar, seed: int) -> Doubles:
    """About 3 % of the individuals opened a second account in the web shop, spelt a little differently.

    Each shares a phone or an e-mail with the first account, so a careful reader can find it.
    """
    rng = stream(seed, "doubles")
    reachable = (people.phone != None) & (people.email != None)  # noqa: E711 an array of objects
    free = np.flatnonzero(~people.organisation & reachable & (people.joined < calendar.end - 40 * DAY))
    chosen = np.sort(rng.permutation(free)[: max(3, round(DUPLICATED * len(people)))])
    opened_from = np.maximum(people.joined[chosen], calendar.since)
    since = opened_from + (rng.random(len(chosen)) * (calendar.end - 10 * DAY - opened_from)).astype(np.int64)
    ids = [f"W-{i:05d}" for i in range(1, len(chosen) + 1)]
    rows: list[dict[str, Any]] = []
    for second, i, at, form in zip(ids, chosen, since, rng.integers(0, 4, len(chosen)), strict=True):
        rows.append(_second_account(people, int(i), second, int(at), int(form)))
    columns = {key: pa.array([row[key] for row in rows]) for key in rows[0]}
    for stamp in ("created_at", "updated_at"):
        columns[stamp] = pa.array([row[stamp] for row in rows], pa.timestamp("us", tz="UTC"))
    return Doubles(chosen, ids, since, table("customers", columns))


def _second_account(people: People, i: int, second: str, at: int, form: int) -> dict[str, Any]:
    phone, email = str(people.phone[i]), str(people.email[i])
    city = names.CITIES[people.city[i]]
    return {
        "customer_id": second,
        "kind": "individual",
        "name": _misspelt(str(people.name[i]), str(people.pinyin[i]), form),
        # Either the phone in another form of writing, or the e-mail in capitals, or both.
        "phone": {0: f"+86 {phone}", 1: f"{phone[:3]}-{phone[3:7]}-{phone[7:]}", 2: phone, 3: None}[form],
        "email": {0: email, 1: None, 2: f"{email.split('@')[0]}@example.org", 3: email.upper()}[form],
        "birth_date": people.birth[i].astype(object) if form in (0, 2) else None,
        "gender": ("female" if people.female[i] else "male") if form == 0 else None,
        "region": city.region,
        "city": city.name,
        "acquisition_channel": "web",
        "language": "en" if people.english[i] else "zh",
        "team": names.TEAMS[people.team[i]].name,
        "owner": names.TEAMS[people.team[i]].owners[people.owner[i]],
        "blocked": bool(people.blocked[i]),
        "created_at": at,
        "updated_at": at,
    }


def _misspelt(name: str, pinyin: str, form: int) -> str:
    """The same name; or a homophone in its last character, or two letters swapped; or in pinyin, or turned round."""
    latin = name.isascii()
    if form in (0, 3) and not latin:
        return name if form == 0 else pinyin.title()
    if latin:
        first, last = name.split(" ", 1)
        turned = f"{last} {first}"
        swapped = f"{first} {last[:-2]}{last[-1]}{last[-2]}"
        return {0: name, 1: swapped, 2: f"{first[0]}. {last}", 3: turned}[form]
    return name[:-1] + names.HOMOPHONES.get(name[-1], name[-1])


def with_family_phones(people: People, doubles: Doubles, seed: int) -> tuple[People, pa.Table]:
    """Let some pairs of different people share a phone, as families do: traps for whoever matches by phone alone.

    Half of them share the surname's household address too. Returns the people and the pairs:
    customer_a, customer_b, reason.
    """
    rng = stream(seed, "families")
    taken = np.zeros(len(people), dtype=bool)
    taken[doubles.position] = True
    free = np.flatnonzero(~taken & ~people.organisation & (people.phone != None))  # noqa: E711 an array of objects
    chosen = rng.permutation(free)[: 2 * max(3, round(FAMILY_PAIRS * len(people)))]
    chosen = chosen[: len(chosen) // 2 * 2].reshape(-1, 2)
    phone, street, city, team = people.phone.copy(), people.street.copy(), people.city.copy(), people.team.copy()
    phone[chosen[:, 1]] = phone[chosen[:, 0]]
    home = chosen[: len(chosen) // 2]
    for column in (street, city, team):
        column[home[:, 1]] = column[home[:, 0]]
    traps = pa.table(
        {
            "customer_a": pa.array(people.id[chosen[:, 0]], pa.string()),
            "customer_b": pa.array(people.id[chosen[:, 1]], pa.string()),
            "reason": pa.array(["family phone and address"] * len(home) + ["family phone"] * (len(chosen) - len(home))),
        }
    )
    return People(**{**vars(people), "phone": phone, "street": street, "city": city, "team": team}), traps
