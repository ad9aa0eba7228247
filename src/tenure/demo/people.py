"""Who the customers are: individuals and organisations, and the same people met twice under another number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.demo import names
from tenure.demo.clock import DAY, Calendar, add_months, instant
from tenure.demo.drawing import Numbers, draw, instants, stream, table, where_known, words

KINDS = ("individual", "enterprise", "government", "institution")
CHANNELS = ("store", "web", "app", "referral", "call-centre", "partner")

# How a customer takes to being courted; nobody outside the simulation can see it.
PLAIN, PRICE_SENSITIVE, SLEEPING_DOG = 0, 1, 2
DISPOSITIONS = ("plain", "price_sensitive", "sleeping_dog")

DUPLICATED = 0.03
FAMILY_PAIRS = 0.006


@dataclass(frozen=True)
class People:
    """The true persons, one position each; position + 1 is the true person's number.

    Everything is an array of one length. `joined` is when they first came; those with no plan buy in the shop only.
    """

    id: Numbers
    name: Numbers
    pinyin: Numbers
    phone: Numbers
    email: Numbers
    id_number: Numbers
    birth: Numbers
    female: Numbers
    street: Numbers
    industry: Numbers
    kind: Numbers
    city: Numbers
    team: Numbers
    owner: Numbers
    channel: Numbers
    english: Numbers
    blocked: Numbers
    disposition: Numbers
    engagement: Numbers
    has_plan: Numbers
    joined: Numbers

    def __len__(self) -> int:
        return len(self.id)

    @property
    def organisation(self) -> Numbers:
        flags: Numbers = self.kind > 0
        return flags


@dataclass(frozen=True)
class Doubles:
    """People met a second time: `second_id` from the web shop is the person at `position` from `since` on."""

    position: Numbers
    second_id: list[str]
    since: Numbers
    rows: pa.Table


def draw_people(size: int, calendar: Calendar, seed: int) -> People:
    """`size` persons, all alive and well when the first month begins or when they join later."""
    rng = stream(seed, "people")
    kind = draw(rng, (0.93, 0.05, 0.01, 0.01), size)
    person = kind == 0
    female = rng.random(size) < 0.5
    english = (rng.random(size) < 0.1) & person
    city = draw(rng, [c.weight for c in names.CITIES], size)
    team_of = np.array([[t.name for t in names.TEAMS].index(c.team) for c in names.CITIES])
    team = team_of[city]

    # A bit more than half were there before the first month; nobody leaves within the first month of joining.
    early = rng.random(size) < 0.55
    before = calendar.since - (rng.random(size) * 36 * 30 * DAY).astype(np.int64)
    within = calendar.since + (rng.random(size) * (calendar.end - calendar.since - 3 * DAY)).astype(np.int64)
    joined = np.where(early, before, within)

    disposition = np.where(person, draw(rng, (0.70, 0.20, 0.10), size), PLAIN)
    name, pinyin = _names(rng, kind, female, english, city)
    birth = np.datetime64("1945-01-01", "D") + rng.integers(0, 61 * 365, size)
    number = np.array([f"{p}{n:08d}" for p, n in zip(
        np.array(names.MOBILE_PREFIXES)[rng.integers(0, len(names.MOBILE_PREFIXES), size)],
        rng.choice(100_000_000, size, replace=False, shuffle=False), strict=True)], dtype=object)  # fmt: skip
    email = np.array([f"{p.replace(' ', '.')}{i}@example.com" for i, p in enumerate(pinyin)], dtype=object)
    id_number = _identity_cards(rng, birth, female)
    credit = np.array([f"91{n:016d}" for n in rng.integers(0, 10**15, size)], dtype=object)
    return People(
        id=np.array([f"C-{i:05d}" for i in range(1, size + 1)], dtype=object),
        name=name,
        pinyin=pinyin,
        phone=where_known(rng.random(size) < 0.96, number),
        email=where_known(rng.random(size) < 0.7, email),
        id_number=where_known(rng.random(size) < 0.6, np.where(person, id_number, credit)),
        birth=birth,
        female=female,
        street=np.array(
            [
                f"{names.STREETS[s]}{h}号{r}室"
                for s, h, r in zip(
                    rng.integers(0, len(names.STREETS), size),
                    rng.integers(1, 400, size),
                    rng.integers(101, 3300, size),
                    strict=True,
                )
            ],
            dtype=object,
        ),
        industry=np.array([_industry(n) for n in name], dtype=object),
        kind=kind,
        city=city,
        team=team,
        owner=rng.integers(0, 2, size),
        channel=draw(rng, (30, 22, 20, 12, 9, 7), size),
        english=english,
        blocked=(rng.random(size) < 0.003) & person,
        disposition=disposition,
        engagement=rng.gamma(1.5, 1 / 1.5, size) * np.where(disposition == SLEEPING_DOG, 0.15, 1.0),
        has_plan=(rng.random(size) < 0.88) | ~person,
        joined=joined,
    )


def _names(
    rng: np.random.Generator, kind: Numbers, female: Numbers, english: Numbers, city: Numbers
) -> tuple[Numbers, Numbers]:
    """Names, and the same in Latin letters."""
    size = len(kind)
    surname = draw(rng, [s[2] for s in names.SURNAMES], size)
    one, two = rng.integers(0, 10**6, size), rng.integers(0, 10**6, size)
    long = rng.random(size) < 0.72
    shown: list[str] = []
    latin: list[str] = []
    for i in range(size):
        if kind[i] == 0 and english[i]:
            first = names.FIRST_FEMALE if female[i] else names.FIRST_MALE
            text = f"{first[one[i] % len(first)]} {names.LAST[two[i] % len(names.LAST)]}"
            shown.append(text)
            latin.append(text.lower())
        elif kind[i] == 0:
            given = names.GIVEN_FEMALE if female[i] else names.GIVEN_MALE
            parts = [given[one[i] % len(given)], *([given[two[i] % len(given)]] if long[i] else [])]
            family = names.SURNAMES[surname[i]]
            shown.append(family[0] + "".join(p[0] for p in parts))
            latin.append(family[1] + " " + "".join(p[1] for p in parts))
        else:
            place = names.CITIES[city[i]].name
            if kind[i] == 1:
                tail = names.FIRM_TAILS[two[i] % len(names.FIRM_TAILS)][0]
                cores = names.FIRM_CORES
                text = place + cores[one[i] % len(cores)] + cores[one[i] // 1000 % len(cores)] + tail
            else:
                tails = names.OFFICES if kind[i] == 2 else names.INSTITUTIONS
                text = place + tails[two[i] % len(tails)]
            shown.append(text)
            latin.append("office")
    return np.array(shown, dtype=object), np.array(latin, dtype=object)


def _industry(name: str) -> str | None:
    if name.endswith(tuple(names.OFFICES)):
        return "公共管理"
    if name.endswith(tuple(names.INSTITUTIONS)):
        return "教育与卫生"
    return next((industry for tail, industry in names.FIRM_TAILS if name.endswith(tail)), None)


def _identity_cards(rng: np.random.Generator, birth: Numbers, female: Numbers) -> Numbers:
    """Eighteen characters with a right check character (GB 11643).

    The area code starts with 99, which no place has, so no card here can be a living person's.
    """
    size = len(birth)
    serial = rng.integers(0, 500, size) * 2 + np.where(female, 0, 1)
    area = rng.integers(0, 10_000, size)
    stems = [f"99{a:04d}{str(b).replace('-', '')}{s:03d}" for a, b, s in zip(area, birth, serial, strict=True)]
    digits = np.array([list(stem) for stem in stems]).astype(np.int64)
    weights = np.array([pow(2, 17 - i, 11) for i in range(17)])
    check = np.array(list("10X98765432"))[digits @ weights % 11]
    return np.array([stem + c for stem, c in zip(stems, check, strict=True)], dtype=object)


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


def customers_table(people: People, calendar: Calendar, seed: int) -> pa.Table:
    """The persons' first accounts, as the telecom's own system has them."""
    rng = stream(seed, "customers")
    size = len(people)
    individual = ~people.organisation
    written = np.array(
        [_written(p, form) for p, form in zip(people.phone, rng.integers(0, 12, size), strict=True)], dtype=object
    )
    # A row is filled in at the counter within days of joining, and kept in the truth of that day.
    settled = np.minimum(people.joined + (rng.random(size) * 5 * DAY).astype(np.int64), calendar.end - 1)
    return table(
        "customers",
        {
            "customer_id": pa.array(people.id, pa.string()),
            "kind": words(KINDS, people.kind),
            "name": pa.array(people.name, pa.string()),
            "phone": pa.array(written, pa.string()),
            "email": pa.array(people.email, pa.string()),
            "id_number": pa.array(people.id_number, pa.string()),
            "birth_date": pa.array(people.birth.astype("datetime64[D]"), mask=~individual | (rng.random(size) < 0.25)),
            "gender": words(("male", "female"), people.female.astype(np.int64), individual),
            "region": words([c.region for c in names.CITIES], people.city),
            "city": words([c.name for c in names.CITIES], people.city),
            "street": pa.array(people.street, pa.string()),
            "industry": pa.array(people.industry, pa.string()),
            "acquisition_channel": words(CHANNELS, people.channel),
            "language": words(("zh", "en"), people.english.astype(np.int64)),
            "owner": words([o for t in names.TEAMS for o in t.owners], people.team * 2 + people.owner),
            "team": words([t.name for t in names.TEAMS], people.team),
            "blocked": pa.array(people.blocked.astype(bool)),
            "created_at": instants(people.joined),
            "updated_at": instants(settled),
        },
    )  # fmt: skip


def _written(phone: str | None, form: int) -> str | None:
    """The same number as different clerks write it."""
    if phone is None:
        return None
    if form == 0:
        return f"+86 {phone}"
    if form == 1:
        return f"{phone[:3]} {phone[3:7]} {phone[7:]}"
    return phone


def contacts_table(people: People, calendar: Calendar, seed: int) -> pa.Table:
    """One to four people to talk to at each organisation, from the one who decides to the one who uses."""
    rng = stream(seed, "contacts")
    firms = np.flatnonzero(people.organisation)
    firm = np.repeat(firms, rng.integers(1, 5, len(firms)))
    size = len(firm)
    first = np.searchsorted(firm, firm, side="left")
    part = np.arange(size) - first
    female = rng.random(size) < 0.45
    name, pinyin = _names(rng, np.zeros(size, dtype=np.int64), female, np.zeros(size, dtype=bool), people.city[firm])
    numbers = rng.choice(100_000_000, size, replace=False, shuffle=False)
    known = np.minimum(people.joined[firm] + (rng.random(size) * 30 * DAY).astype(np.int64), calendar.end - 1)
    return table(
        "contacts",
        {
            "contact_id": pa.array([f"K-{i:05d}" for i in range(1, size + 1)]),
            "customer_id": pa.array(people.id[firm], pa.string()),
            "name": pa.array(name, pa.string()),
            "title": words([t[0] for t in names.TITLES], part),
            "role": words([t[1] for t in names.TITLES], part),
            "phone": pa.array([f"199{n:08d}" for n in numbers]),
            "email": pa.array([f"{p.replace(' ', '.')}.{i}@example.net" for i, p in enumerate(pinyin)]),
            "updated_at": instants(known),
        },
    )


def external_table(people: People, late_payer: Numbers, calendar: Calendar, seed: int) -> pa.Table:
    """A credit score from a bureau for some individuals, renewed each year; late payers score lower."""
    rng = stream(seed, "external")
    rated = np.flatnonzero(~people.organisation & (rng.random(len(people)) < 0.6))
    base = 660 + rng.normal(0, 55, len(rated)) - 90 * late_payer[rated]
    parts: list[pa.Table] = []
    for year in range(calendar.months // 12 + 4):
        at = add_months(people.joined[rated], np.full(len(rated), 12 * year)) + 3 * DAY
        score = np.clip(base + rng.normal(0, 15, len(rated)), 350, 850).astype(np.int64)
        known = (at < calendar.end) & (at >= calendar.start(calendar.months + 12))
        parts.append(
            table(
                "external_attributes",
                {
                    "customer_id": pa.array(people.id[rated][known], pa.string()),
                    "attribute": pa.array(["credit_score"] * int(known.sum()), pa.string()),
                    "provider": pa.array(["bureau"] * int(known.sum()), pa.string()),
                    "observed_at": instants(at[known]),
                    "value": pa.array(score[known]).cast(pa.string()),
                    "number": pa.array(score[known].astype(float)),
                },
            )
        )
    return pa.concat_tables(parts)


def exchange_rates_table(calendar: Calendar, seed: int) -> pa.Table:
    """What a dollar, a euro and a Hong Kong dollar are worth in yuan from the first of each month on."""
    rng = stream(seed, "rates")
    rows: list[tuple[str, Any, float]] = []
    for currency, level in (("USD", 7.15), ("EUR", 7.8), ("HKD", 0.915)):
        wave = level * (1 + np.cumsum(rng.normal(0, 0.004, calendar.months + 1)))
        months: Sequence[int] = range(calendar.months, -1, -1)
        # The first rate stands a day early, so that the first morning has one in every zone.
        for back, rate in zip(months, wave, strict=True):
            day = instant(calendar.start(back) + DAY // 2).date()
            if back:
                rows.append(
                    (currency, np.datetime64(day) - (1 if back == calendar.months else 0), round(float(rate), 4))
                )
    return table(
        "exchange_rates",
        {
            "currency": pa.array([r[0] for r in rows]),
            "base_currency": pa.array(["CNY"] * len(rows)),
            "valid_on": pa.array([r[1].astype(object) for r in rows]),
            "rate": pa.array([f"{r[2]:.6f}" for r in rows]).cast(pa.decimal128(18, 6)),
        },
    )
