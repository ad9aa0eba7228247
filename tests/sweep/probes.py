"""Every address the desk answers, and what is asked of each: found from the routes themselves, so that a new one is
asked without anyone remembering."""

import itertools
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.sweep.worlds import PEOPLE, World

# What a part of an address may be, by its name; one of another name is tried with a forged value.
PARTS: dict[str, tuple[str, ...]] = {
    "part": (
        "segments",
        "stages",
        "tiers",
        "personas",
        "value",
        "cohorts",
        "bridge",
        "funnel",
        "forecast",
        "campaigns",
        "model",
        "causes",
        "competitors",
        "cost",
        "tree",
        "roi",
        "survival",
        "drivers",
        "definitions",
        "models",
    ),
    "cause": ("price_high", "network_branch"),
    "verb": ("comment", "loss", "withdraw"),
    "code": ("new", "agent", "clerk"),
    "metric": ("revenue", "complaint_rate"),
    "group": ("revenue", "service"),
    "board": ("1",),
    "own": ("o_1",),
    "pack": ("telecom",),
    "contract": ("customers", "orders", "cases", "interactions"),
}
NUMBERS = ("1", "3", "4")
# What an address is asked for that shows nothing, or something else, by itself.
WANTED: dict[str, tuple[str, ...]] = {
    "insight/customers/": (
        "part=cost&what=left", "part=cost&what=left&by=reason&code=price", "part=cost&what=left&by=cause&code=price_high",
        "part=cost&what=left&by=month&code=2026-01", "part=cost&what=losing", "part=survival&by=plan&value=gold",
        "part=survival&by=region&value=广东",
    ),
    "churn/cost/": ("by=plan",),
    "churn/survival/": ("by=plan",),
}  # fmt: skip
# Never answered for anybody in particular, or not by us.
LEFT_OUT = ("static/", "jsi18n", "r/<path:content_type_id>", "(?P<url>")

AS_IS, OTHER = World(), World(unseen=frozenset(PEOPLE))


@dataclass(frozen=True)
class Probe:
    """One request of a route. data: what is sent along, as a form or as JSON."""

    route: str
    method: str
    path: str
    data: tuple[tuple[str, Any], ...] = ()


def routes() -> list[str]:
    """Every address as it is written in the routes, `customers/<int:person_id>/`."""
    return sorted(set(_flattened(get_resolver().url_patterns, "")))


def _flattened(patterns: list[Any], before: str) -> Iterator[str]:
    for pattern in patterns:
        path = before + str(pattern.pattern).removeprefix("^").removesuffix(r"\Z").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from _flattened(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and not any(part in path for part in LEFT_OUT):
            yield path


def paths(route: str) -> list[str]:
    """The addresses a route stands for here."""
    pieces: list[tuple[str, ...]] = []
    for piece in re.split(r"(<[^>]+>)", route):
        if not piece.startswith("<"):
            pieces.append((piece,))
            continue
        name = piece.strip("<>").rpartition(":")[2]
        pieces.append(PARTS.get(name, NUMBERS if "int:" in piece or name.endswith("id") else ("forged",)))
    return ["/" + "".join(made) for made in itertools.product(*pieces)]


def looks() -> Iterator[str]:
    """Query strings a list or a figure may listen to: each order, each filter, and searches by everything personal."""
    yield from (f"sort={name}" for name in ("at_risk", "risk", "value", "spent", "silent", "name"))
    yield from (
        "risk=high",
        "stage=mature",
        "decile=3",
        "moved=high",
        "region=广东",
        "kind=enterprise",
        "cell=loyal",
        "r=3",
    )
    yield from ("tier=core", "persona=2", "owner=0", "of=cell", "of=stage&before=grow&after=mature")
    yield from ("c_1=gold&cols=c_1,c_2,c_3", "c_2.from=5&c_2.to=500", "c_3=A-1", "c_3.is=set", "c_1.is=empty", "sort=c_2",
                "sort=-c_1", "sort=c_3")  # fmt: skip
    yield from ("risk=low&sort=value", "page=2", "limit=2", "kind=cases", "upto=5", "owner=1", "team=2")
    for world, p in itertools.product((AS_IS, OTHER), (1, 4)):
        yield from (f"q={text}" for text in (world.name(p), world.phone(p).lstrip("+"), world.email(p)))
    yield from ("q=C-4", "q=1111", "q=crm", "q=wang", "q=smith", "q=East", "q=ann")


def probes(route: str) -> Iterator[Probe]:
    """What is asked of one route first: every method, with and without something sent along."""
    for path in paths(route):
        yield Probe(route, "get", path)
        for wanted in WANTED.get(path.removeprefix("/"), ()):
            yield Probe(route, "get", f"{path}?{wanted}")
        yield Probe(route, "post", path, SENT)
        yield Probe(route, "json", path, SENT)
    for method in ("put", "patch", "delete"):
        yield Probe(route, method, paths(route)[0], SENT)


# What an order, a filter or a search would listen to, by key, as nobody asks it otherwise.
ODD = {"q": "nobody", "sort": "silent", "risk": "none", "decile": "99", "kind": "cases", "page": "9", "limit": "1"}
ODDLY = "&".join(f"{key}={value}" for key, value in ODD.items())
NOTHING = "nothing=here"  # what nobody listens to


def differently(probe: Probe, look: str = ODDLY) -> Probe:
    """The same address asked with something an order, a filter or a search would listen to."""
    if probe.method == "get":
        return replace(probe, path=f"{probe.path}{'&' if '?' in probe.path else '?'}{look}")
    return replace(probe, data=tuple(tuple(part.split("=")) for part in look.split("&")))  # type: ignore[misc]


def by_key(probe: Probe) -> dict[frozenset[str], Probe]:
    """The same address asked with one key at a time, by the keys of the question."""
    odd = {frozenset({key}): f"{key}={value}" for key, value in ODD.items()}
    return {keys: differently(probe, look) for keys, look in ({_keys(look): look for look in looks()} | odd).items()}


def closer(probe: Probe, heard: Collection[frozenset[str]]) -> Iterator[Probe]:
    """What is asked further of an address: every order, filter and search by what it listens to."""
    return (differently(probe, look) for look in looks() if _keys(look) in heard)


def _keys(look: str) -> frozenset[str]:
    return frozenset(part.partition("=")[0] for part in look.split("&"))


SENT: tuple[tuple[str, Any], ...] = (
    ("name", "Mine"), ("owner", "ann"), ("team", "East"), ("person_ids", (1, 4)), ("person_id", 4), ("query", "sort=value"),
    ("purpose", "marketing"), ("channel", "phone"), ("state", "given"), ("evidence", "said so"), ("until", "2027-01-01"),
    ("c_1", "gold"), ("c_2", "12"), ("show", "c_2"), ("up", "2"),
    ("kind", "export"), ("field", "phone"), ("value", "1"), ("fields", ("name", "phone")), ("partner", "A partner"),
    ("n.0.ask", "field:region"), ("n.0.is", "set"), ("definition", {"all": [{"field": "region", "is": "set"}]}),
    ("s", "8:1"), ("do", "confirm"), ("person", "4"), ("on", "2026-02-20"), ("loss", "8"), ("sql", "SELECT count(*), min(region) FROM customers"),
)  # fmt: skip

# Made anew with every answer, and told to whoever asks: never the same twice.
_FRESH = [
    (re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]+'), rb"\1*"),
    (re.compile(rb"(X-CSRFToken[^A-Za-z0-9]+)[A-Za-z0-9]{20,}"), rb"\1*"),
    (re.compile(rb'nonce="[^"]+"'), b'nonce="*"'),
    # Where the choice of a language leads back to: what was asked, which says nothing of the answer.
    (re.compile(rb'(name="next" value="/[^"?]*)\?[^"]*'), rb"\1"),
    # And what the customers behind a figure are kept by.
    (re.compile(rb'(name="query" value=")[^"]*'), rb"\1"),
    (
        re.compile(
            rb"tnr_[0-9a-f]{10}_[\w-]+|[0-9a-f]{10}\xe2\x80\xa6|(?<=/shared/)[\w-]{20,}|(?<=/preferences/)[\w:.-]{20,}"
        ),
        b"TOKEN",
    ),
    (re.compile(rb'("up_to_date": ")[^"]+'), rb"\1*"),
    (re.compile(rb"\d{8}T\d{6}-\w+-[0-9a-f]{8}"), b"BATCH"),
]


def asked(client: Any, probe: Probe, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """What the answer says: status, where it sends one, every byte of it but what is made anew each time, and what it
    leaves to be said on the page that comes next."""
    data = dict(probe.data)
    if probe.method == "json":
        response = client.post(probe.path, json.dumps(data), content_type="application/json", headers=headers)
    elif probe.method in ("get", "post"):
        response = getattr(client, probe.method)(probe.path, data if probe.method == "post" else None, headers=headers)
    else:
        response = getattr(client, probe.method)(probe.path, json.dumps(data), "application/json", headers=headers)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    # Said here and not on whichever page is asked next: a page that only passes it on does not listen to what it is asked.
    client.cookies.pop("messages", None)
    told = getattr(getattr(response, "wsgi_request", None), "_messages", None)
    for message in getattr(told, "_queued_messages", ()):
        body += f"\n{message.level_tag}: {message}".encode()
    for pattern, instead in _FRESH:
        body = pattern.sub(instead, body)
    return response.status_code, response.headers.get("Location", ""), body
