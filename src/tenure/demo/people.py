"""Who the customers are: individuals and organisations, and whom to talk to there."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tenure.demo import names
from tenure.demo.clock import DAY, Calendar
from tenure.demo.drawing import Numbers, draw, instants, stream, table, where_known, words

_PROVINCES = (
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45",
    "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65",
)  # fmt: skip
KINDS = ("individual", "enterprise", "government", "institution")
CHANNELS = ("store", "web", "app", "referral", "call-centre", "partner")

# How a customer takes to being courted; nobody outside the simulation can see it.
PLAIN, PRICE_SENSITIVE, SLEEPING_DOG = 0, 1, 2
DISPOSITIONS = ("plain", "price_sensitive", "sleeping_dog")


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
    number = np.array(
        [
            f"{p}{n:08d}"
            for p, n in zip(
                np.array(names.MOBILE_PREFIXES)[rng.integers(0, len(names.MOBILE_PREFIXES), size)],
                rng.choice(100_000_000, size, replace=False, shuffle=False),
                strict=True,
            )
        ],
        dtype=object,
    )
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

    They begin with a province there is and a prefecture there is not (GB/T 2260 gives no province a 99), so every
    check of form, date and sum passes, and none can be a living person's.
    """
    size = len(birth)
    serial = rng.integers(0, 500, size) * 2 + np.where(female, 0, 1)
    area = rng.integers(0, 10_000, size)
    area = np.array([f"{_PROVINCES[a % len(_PROVINCES)]}99{a // len(_PROVINCES) % 100:02d}" for a in area])
    stems = [f"{a}{str(b).replace('-', '')}{s:03d}" for a, b, s in zip(area, birth, serial, strict=True)]
    digits = np.array([list(stem) for stem in stems]).astype(np.int64)
    weights = np.array([pow(2, 17 - i, 11) for i in range(17)])
    check = np.array(list("10X98765432"))[digits @ weights % 11]
    return np.array([stem + c for stem, c in zip(stems, check, strict=True)], dtype=object)


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
    )


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
