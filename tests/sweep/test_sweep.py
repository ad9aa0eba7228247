"""The sweep: every address × who asks × list, read, change, bulk, export, search, sort, aggregate.

A leak is found without knowing what a page is about: each asker gets two companies that differ only in what this asker
must not see (`worlds.py`), and every answer must be the same in both. And the sweep is swept: with any one filter
switched off, it must find a leak.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from tenure.desk.causes.models import Statement
from tenure.desk.competitors.models import Competitor, Loss
from tenure.desk.customers.api import publish
from tenure.desk.customers.boards import services as boards
from tenure.desk.customers.boards.ready import Placed
from tenure.desk.customers.findings import RULES
from tenure.desk.customers.models import (
    ArchivedRecord,
    Archiving,
    Customer,
    CustomField,
    CustomValue,
    OwnLink,
    OwnObject,
    OwnRecord,
    OwnValue,
    Publication,
    Relation,
)
from tenure.desk.customers.selectors import matching, totals
from tenure.desk.governance import keys, services
from tenure.desk.governance.access import may
from tenure.desk.governance.models import ConsentEntry, SubjectRequest, Team, User
from tenure.desk.governance.roles import BUILT_IN, PERMISSIONS, Role
from tenure.lake import SYSTEM, Lake
from tenure.lake.stored import PRECEDENCE
from tenure.language import Words
from tenure.web import cache
from tests.cast import EAST, MONDAY, SOUTH
from tests.sweep.probes import NOTHING, Probe, asked, by_key, closer, differently, probes, routes
from tests.sweep.worlds import PEOPLE, World, competitors, own_fields

pytestmark = pytest.mark.django_db

# What nobody needs to sign in for. An address that is not here is closed to strangers, whoever adds it.
OPEN = {"login/", "language/", "api/v1/openapi.json", "shared/<str:token>/", "shared/<str:token>/csv/",
        "preferences/<str:token>/"}  # fmt: skip
ACCOUNT = "account/"  # how one comes in; asked apart, as what it shows is made anew each time
# What whoever may sign in finds open: the own page of Today, and the own account.
OWN = {"", "today/numbers/", "api/v1/me", "api/v1/totals", "password_change/", "password_change/done/", "logout/",
       "search/", "api/v1/", "autocomplete/"}  # fmt: skip
KEEPING = {"users", "roles", "audit"}  # those who keep accounts see accounts, and are not asked here

CLERK = Role(
    "clerk", Words("Clerk", "文员"), Words("", ""), "team", frozenset(PERMISSIONS) - KEEPING,
    {"phone": "masked", "email": "masked", "id_number": "hidden", "birth_date": "hidden", "street": "hidden",
     "text": "hidden", "identity": "hidden", "extra": "hidden", "amounts": "hidden"},
    {"interactions": "own"},
)  # fmt: skip
NAMELESS = replace(CLERK, code="nameless", reach="all", objects={}, fields=dict(CLERK.fields) | {"name": "masked"})
BLIND = replace(CLERK, code="blind", reach="none", objects={}, fields={})
BARE = replace(CLERK, code="bare", reach="all", objects={}, fields={}, permissions=frozenset({"today"}))

ON_A_BOARD = (
    Placed("metric", {"metric": "revenue"}), Placed("split", {"metric": "orders", "by": "region"}, 2),
    Placed("line", {"metric": "complaint_rate"}, 2),
)  # fmt: skip

EVERYONE = frozenset(PEOPLE)
# Who asks → the world that is the same to them.
SAME_TO: dict[str, World] = {
    "mia": World(unseen=frozenset(SOUTH), masked=frozenset({"id_number"})),
    "noa": World(unseen=frozenset(EAST), masked=frozenset({"id_number"})),
    "ann": World(unseen=EVERYONE - {1, 2}, masked=frozenset({"id_number"})),
    "bo": World(unseen=EVERYONE - {4, 5}, masked=frozenset({"id_number"})),
    "ivy": World(hidden=BUILT_IN["analyst"].having("hidden")),
    "cleo": World(
        unseen=frozenset(SOUTH),
        hidden=CLERK.having("hidden"),
        masked=CLERK.having("masked"),
        unseen_kinds={"interactions": frozenset({1, 2})},
    ),
    "nan": World(hidden=NAMELESS.having("hidden"), masked=NAMELESS.having("masked")),
    "bea": World(unseen=EVERYONE),
    "zed": World(unseen=EVERYONE),
    "": World(unseen=EVERYONE),
}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[World], Path]:
    """The home folder of a world, made once."""
    made: list[tuple[World, Path]] = []

    def home(world: World) -> Path:
        for known, folder in made:
            if known == world:
                return folder
        folder = tmp_path_factory.mktemp("world")
        if made:  # one desk steps from world to world, so what it sealed in one must open in the next
            shutil.copytree(made[0][1] / "keys", folder / "keys")
        world.fill(folder / "lake")
        made.append((world, folder))
        return folder

    return home


Remembered = tuple[dict[str, bytes], dict[str, float]]  # the figures, and until when


@pytest.fixture(scope="module")
def looks() -> dict[tuple[Path, Any], Remembered]:
    """What is remembered once the administrator has looked, by world and by what tells askers apart: the same in each test."""
    return {}


@pytest.fixture(scope="module")
def planned() -> threading.local:
    """The lakes that are open, with what was planned there while every filter was on."""
    return threading.local()


@dataclass
class Desk:
    """The desk of the sweep: who works there, and a way to step into a world and out of it.

    Whoever comes again finds remembered what their own looks left to be, as in the product.
    """

    people: dict[str, User]
    enter: Callable[[World, str], None]
    leave: Callable[[World, str], None]

    def client(self, name: str) -> Client:
        client = Client(raise_request_exception=False)
        if name:
            client.force_login(self.people[name])
            # Seen just now: each request would note it again, since what it changes is taken back.
            session = client.session
            session["seen"] = int(timezone.now().timestamp())
            session.save()
        return client

    def headers(self, name: str) -> dict[str, str]:
        """The key of the person, for the API; whoever has none asks with a forged one."""
        return {"Authorization": f"Bearer {self.keys.get(name, 'forged')}"}

    keys: dict[str, str]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Most of what is asked is refused, which the log need not tell each time."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def desk(
    people: dict[str, User], homes: Callable[[World], Path], looks: dict[Any, Remembered], planned: threading.local,
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
) -> Desk:  # fmt: skip
    east = Team.objects.get(name="East")
    for role, name in ((CLERK, "cleo"), (NAMELESS, "nan"), (BLIND, "bea"), (BARE, "ben")):
        services.save_role(role, actor=None, now=MONDAY)
        people[name] = services.create_user(
            name, password="correct-horse-battery", role=role.code, actor=None, now=MONDAY, team=east
        )
    monkeypatch.setattr("tenure.web.headlines.MONTHS", 2)
    # Every metric is read through the same door; a few of each kind show what all would, in a tenth of the time.
    monkeypatch.setattr("tenure.web.metrics.worked.MONTHS", 2)
    monkeypatch.setattr("tenure.api.metrics.PERIODS", 2)
    monkeypatch.setattr("tenure.web.metrics.worked.CATALOGUE", ("revenue", "orders", "refund_rate", "complaint_rate"))

    # Six people are enough to tell of, so that their figures are told at all and not withheld from everybody.
    monkeypatch.setattr("tenure.insight.cost_of_churn.LEAST_LEFT", 1)
    monkeypatch.setattr("tenure.insight.causes.counted.LEAST_ASKED", 1)
    monkeypatch.setattr("tenure.web.churn.survival.LEAST", 1)
    monkeypatch.setattr("tenure.web.churn.tree.SHOWN", {"month": 2, "quarter": 1, "year": 1})

    # What was planned while every filter was on must be planned anew where one is off.
    off = "filter_" in request.fixturenames
    monkeypatch.setattr("tenure.desk.lake._own", threading.local() if off else planned)
    board = boards.make("Shown", tiles=ON_A_BOARD, actor=people["dee"], now=MONDAY)
    boards.share(board.pk, boards.With(everyone=True), actor=people["dee"], now=MONDAY)

    administrator = Client()
    administrator.force_login(people["dee"])
    figures: Any = caches["figures"]
    own_looks: dict[tuple[Path, str], Remembered] = {}

    def recall(held: Remembered) -> None:
        figures._cache.update(held[0])
        figures._expire_info.update(held[1])

    def leave(world: World, name: str) -> None:
        own_looks[homes(world), name] = dict(figures._cache), dict(figures._expire_info)

    def enter(world: World, name: str) -> None:
        home = homes(world)
        monkeypatch.setenv("TENURE_HOME", str(home))
        # What somebody who asked before was free to set, such as which source wins: the lake takes nothing back.
        for rule in (PRECEDENCE, RULES):
            Lake(home / "lake").publish_document(rule, {})
        figures.clear()
        for model in (Customer, Publication, OwnRecord, OwnObject, CustomField, Statement, Competitor):
            model.objects.all().delete()
        publish(world.cards(), as_of=MONDAY, now=MONDAY)
        CustomField.objects.bulk_create(own_fields())
        CustomValue.objects.bulk_create(world.own_values())
        OwnObject.objects.create(pk=1, name_en="Policy", many=True, made_at=MONDAY)
        records, values, links = world.own_records()
        OwnRecord.objects.bulk_create(records)
        OwnValue.objects.bulk_create(values)
        OwnLink.objects.bulk_create(links)
        SubjectRequest.objects.all()._raw_delete(using="default")
        ConsentEntry.objects.all()._raw_delete(using="default")
        SubjectRequest.objects.bulk_create(world.requests())
        ConsentEntry.objects.bulk_create(world.consents())
        Statement.objects.bulk_create(world.statements())
        Competitor.objects.bulk_create(competitors())
        Loss.objects.bulk_create(world.losses())
        Relation.objects.all().delete()
        Relation.objects.bulk_create(world.relations())
        Archiving.objects.all().delete()
        deeds, put_away = world.archived()
        Archiving.objects.bulk_create(deeds)
        ArchivedRecord.objects.bulk_create(put_away)
        # Whoever sees everything looks first: what is remembered for them is not for others.
        at = home, cache._asker
        if at not in looks:
            for page in ("", "today/numbers/", "customers/", "insight/", "insight/stages/", "insight/cohorts/"):
                assert administrator.get(f"/{page}").status_code == 200
            looks[at] = dict(figures._cache), dict(figures._expire_info)
        else:
            recall(looks[at])
        if (home, name) in own_looks:
            recall(own_looks[home, name])

    return Desk(people, enter, leave, {name: key for name, user in people.items() if (key := _key_of(user))})


def _key_of(user: User) -> str:
    """A key that may all its owner may; nothing for whoever may have none."""
    if not may(user, "keys"):
        return ""
    until = timezone.now() + timedelta(days=9)
    return keys.make_key(user, role=user.role, expires_at=until, name="Sweep", actor=None, now=timezone.now())[1]


def answers(desk: Desk, name: str, world: World, asking: Iterable[Probe]) -> Iterator[Any]:
    """What this person gets in this world; whatever a request changes is taken back after it."""
    desk.enter(world, name)
    client, headers = desk.client(name), desk.headers(name)
    before = state(world.unseen)
    for probe in asking:
        with transaction.atomic():
            answer = asked(client, probe, headers)
            if probe.method != "get" and state(world.unseen) != before:
                answer = (answer[0], answer[1], b"CHANGED WHAT IS OUT OF REACH")
            transaction.set_rollback(True)
        yield answer
    desk.leave(world, name)


def state(persons: frozenset[int]) -> list[tuple[Any, ...]]:
    return list(Customer.objects.filter(pk__in=persons).order_by("pk").values_list())


def leaks(desk: Desk, name: str, among: Iterable[str]) -> Iterator[str]:
    """The requests by which this person tells the two worlds apart, the plain ones first."""
    asking = [probe for route in among for probe in probes(route)]
    in_one = list(answers(desk, name, World(), asking))
    yield from _different(name, asking, in_one, answers(desk, name, SAME_TO[name], asking))
    answered = [(probe, answer) for probe, answer in zip(asking, in_one, strict=True) if answer[0] == 200]
    # What gives the same answer whatever it is asked need not be asked everything.
    heard = answers(desk, name, World(), [differently(probe) for probe, _answer in answered])
    listens = {(probe.route, probe.method): probe for (probe, plain), other in zip(answered, heard, strict=True)
               if other != plain}  # fmt: skip
    asked_plain = list(listens.values())
    each = [(at, by, one) for at, probe in enumerate(asked_plain) for by, one in by_key(probe).items()]
    silent = [differently(probe, NOTHING) for probe in asked_plain]
    told = answers(desk, name, World(), [*silent, *(one for _at, _by, one in each)])
    plain = [next(told) for _probe in silent]
    # A list may stir at a name that is there and at no other; a page about one customer lists nobody.
    stirred = [set() if "<" in probe.route else {frozenset({"q"})} for probe in asked_plain]
    for (at, asked_by, _one), answer in zip(each, told, strict=True):
        if answer != plain[at]:
            stirred[at].add(asked_by)
    further = [look for probe, by in zip(asked_plain, stirred, strict=True) for look in closer(probe, by)]
    in_one = list(answers(desk, name, World(), further))
    yield from _different(name, further, in_one, answers(desk, name, SAME_TO[name], further))


def _different(name: str, asking: list[Probe], in_one: list[Any], in_other: Iterator[Any]) -> Iterator[str]:
    for probe, one, other in zip(asking, in_one, in_other, strict=True):
        if one != other:
            yield f"{name or 'nobody'}: {probe.method} {probe.path} {dict(probe.data) or ''}"


# Two of the cast stand where others stand, in the other team: they are asked in the long run.
ASKED = [pytest.param(name, marks=pytest.mark.soak) if name in ("noa", "bo") else name for name in SAME_TO]


@pytest.mark.parametrize("name", ASKED)
def test_nobody_can_tell_what_they_must_not_see(desk: Desk, name: str) -> None:
    found = list(leaks(desk, name, [route for route in routes() if not route.startswith(ACCOUNT)]))

    assert not found, "\n".join(found[:40])


# Any one of these switched off: whom the sweep then catches, and where it is enough to look.
OFF: dict[str, tuple[str, Any, str, str]] = {
    "rows of the desk": ("tenure.desk.customers.selectors.reach", lambda scope, prefix="": Q(), "mia", "customers/"),
    "rows of the desk, for verbs": ("tenure.desk.customers.models.reach", lambda scope: Q(), "mia", "customers/<int:person_id>/assign/"),
    "rows of the desk, in bulk": ("tenure.desk.customers.models.reach", lambda scope: Q(), "mia", "api/v1/customers/assign"),
    "rows of the lake": ("tenure.desk.lake.person_ids", lambda scope, only=None: list(range(1, 9)), "mia", "insight/"),
    "kinds of records": ("tenure.lake.scope.Scope.on", lambda self, kind: self, "cleo", "customers/<int:person_id>/"),
    "fields of the lake": ("tenure.lake.door.field_of", lambda table, column: None, "cleo", "customers/<int:person_id>/"),
    "fields of the desk": ("tenure.lake.scope.Scope.show", lambda self, table, column, value: value, "cleo", "customers/<int:person_id>/"),
    "fields of an export": ("tenure.lake.scope.Scope.show", lambda self, table, column, value: value, "nan", "customers/export/"),
    "fields of the API": ("tenure.lake.scope.Scope.show", lambda self, table, column, value: value, "ivy", "api/v1/customers"),
    "orders and filters": ("tenure.desk.customers.selectors.TELLS", {"decile": "none"}, "cleo", "customers/"),
    "reasons that speak of money": ("tenure.desk.customers.cards.Card.reasons", property(lambda card: card._score.reasons), "cleo", "customers/<int:person_id>/"),
    "searching": ("tenure.desk.customers.selectors.matching", lambda text, scope: matching(text, SYSTEM), "ivy", "customers/"),
    "what is remembered": ("tenure.web.cache._asker", lambda scope: (), "mia", "insight/"),
    "consents": ("tenure.desk.customers.models.reach", lambda scope, prefix="": Q(), "mia", "customers/<int:person_id>/consents/"),
    "requests": ("tenure.desk.customers.models.reach", lambda scope, prefix="": Q(), "cleo", "settings/requests/"),
    "orders and filters by own fields": ("tenure.desk.customers.fields.asking.allowed", lambda pairs, scope, fields: pairs, "ivy", "customers/"),
    "pairs": ("tenure.desk.customers.selectors.within_reach", lambda scope, people: set(people), "mia", "duplicates/"),
    "evidence": ("tenure.desk.customers.candidates._field", lambda name: None, "cleo", "duplicates/"),
    "relations": ("tenure.desk.customers.models.reach", lambda scope, prefix="": Q(), "mia", "customers/<int:person_id>/"),
    "statements": ("tenure.desk.causes.models.reach_of_numbers", lambda scope, kind="": Q(), "mia", "churn/causes/of/<slug:cause>/"),
    "statements from records": ("tenure.desk.causes.models.RECORDS", {}, "cleo", "churn/causes/of/<slug:cause>/"),
    "losses from records": ("tenure.desk.competitors.models.RECORDS", (), "cleo", "churn/competitors/<int:competitor_id>/"),
    "leavers of the cost": ("tenure.desk.lake.person_ids", lambda scope, only=None: list(range(1, 9)), "mia", "churn/<slug:part>/"),
    "names of those lost": ("tenure.lake.scope.Scope.show", lambda self, table, column, value: value, "nan", "churn/competitors/<int:competitor_id>/"),
    "sums": ("tenure.desk.customers.selectors.totals", lambda scope, shown: totals(SYSTEM, shown), "cleo", ""),
}  # fmt: skip


@pytest.mark.parametrize("filter_", OFF)
def test_with_a_filter_switched_off_the_sweep_finds_a_leak(
    desk: Desk, filter_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, instead, who, where = OFF[filter_]
    assert where in routes()
    monkeypatch.setattr(name, instead)

    assert next(leaks(desk, who, [where]), None) is not None


def opened(desk: Desk, name: str) -> list[str]:
    """The addresses that answer this person with anything but a refusal or the way to the sign-in page."""
    asking = [probe for route in routes() if route not in OPEN and ACCOUNT not in route for probe in probes(route)]
    refused = {301, 302, 401, 403, 404, 405}
    found = zip(asking, answers(desk, name, World(), asking), strict=True)
    return sorted({probe.route for probe, answer in found if answer[0] not in refused})


@pytest.mark.parametrize("name", ["", "zed", "old"])
def test_without_a_role_nothing_opens_but_what_is_open_to_all(desk: Desk, name: str) -> None:
    assert opened(desk, name) == []


def test_with_the_permission_to_sign_in_alone_only_today_opens(desk: Desk) -> None:
    assert set(opened(desk, "ben")) <= OWN


@pytest.mark.parametrize("name", ["", "zed"])
def test_with_the_guard_switched_off_the_sweep_finds_open_pages(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure.web.site.may", lambda user, permission: True)

    assert len(opened(desk, name)) > 10


@pytest.mark.parametrize("name", ["", "mia"])
def test_the_pages_of_coming_in_name_no_customer(desk: Desk, name: str) -> None:
    desk.enter(World(), name)
    client = desk.client(name)
    named = [World().name(p).encode() for p in PEOPLE if p != 4] + [World().phone(p).encode() for p in PEOPLE]

    for route in routes():
        for probe in probes(route) if route.startswith(ACCOUNT) else ():
            with transaction.atomic():
                _status, _where, body = asked(client, probe, {})
                transaction.set_rollback(True)
            assert not [mark for mark in named if mark in body], probe


def test_every_address_is_asked() -> None:
    for route in routes():
        assert any(probes(route)), route
    assert {"customers/", "customers/<int:person_id>/", "api/v1/customers", "insight/<slug:part>/"} <= set(routes())
