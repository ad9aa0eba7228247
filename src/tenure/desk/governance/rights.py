"""What people may ask of us about their own data, and how an erasure is done: step by step, each whole or not at all.

An erasure that was cut off at any instant is taken up again where it stopped; it says "done" only after it has looked
again and found nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, connection, transaction

from tenure.contracts import CONTRACTS
from tenure.desk.events import announce
from tenure.desk.governance import audit, personal
from tenure.desk.governance.certificates import certificate_of
from tenure.desk.governance.events import PersonErased, RequestDone, RequestOpened
from tenure.desk.governance.holdings import HOLDINGS, Wanted
from tenure.desk.governance.models import ErasedPerson, SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tenure.lake import erase as lake_erase
from tenure.language import Words, tr
from tenure.sources.mentions import Mentions, take_out
from tenure.vault import vault
from tenure.workspace import Workspace

KINDS: Mapping[str, Words] = {
    "export": Words("Export", "导出"),
    "correct": Words("Correct", "更正"),
    "erase": Words("Erase", "删除"),
    "anonymise": Words("Make anonymous", "匿名化"),
}
TAKES_AWAY = ("erase", "anonymise")


@dataclass(frozen=True, slots=True)
class Law:
    """By when an answer is due: calendar days, or working days (Monday to Friday; holidays are not known here)."""

    words: Words
    days: int | None
    working: bool = False


LAWS: Mapping[str, Law] = {
    "usual": Law(Words("As we set it", "按本公司设定"), None),
    "pipl": Law(Words("PIPL: 15 working days", "《个人信息保护法》：15 个工作日"), 15, working=True),
    "gdpr": Law(Words("GDPR: 30 days", "GDPR：30 天"), 30),
}


def due_on(received: date, law: str, usual_days: int) -> date:
    """The last day to answer a request received on this day."""
    rule = LAWS[law]
    left, day = rule.days or usual_days, received
    while left:
        day += timedelta(days=1)
        left -= not rule.working or day.weekday() < 5
    return day


@transaction.atomic
def open_request(
    kind: str,
    person_id: int,
    *,
    actor: User | None,
    now: datetime,
    law: str = "usual",
    note: str = "",
    zone: Any = None,
    usual_days: int = 15,
) -> SubjectRequest:
    """Write down what a person asks. The caller has made sure that it is they who ask, and that the person is there.

    Raises TenureError for an unknown kind or law, or a person who is erased already.
    """
    if kind not in KINDS or law not in LAWS:
        raise TenureError(
            tr('There is no request "{kind}". There are: {known}.', kind=kind if kind not in KINDS else law,
               known=", ".join(KINDS if kind not in KINDS else LAWS))
        )  # fmt: skip
    if ErasedPerson.objects.filter(own_id=person_id).exists():
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    request = SubjectRequest.objects.create(
        kind=kind, person_id=person_id, received_at=now, opened_by=actor,
        due_on=due_on(now.astimezone(zone).date(), law, usual_days),
        note=personal.seal(person_id, note.strip(), context="request"),
    )  # fmt: skip
    audit.record(
        "open_request", "customer", person_id, actor=actor, now=now, kind=kind, request=request.pk, law=law,
        due_on=request.due_on.isoformat(),
    )  # fmt: skip
    announce(RequestOpened(request.pk, kind))
    return request


@transaction.atomic
def refuse_request(request_id: int, *, reason: str, actor: User | None, now: datetime) -> SubjectRequest:
    """Close a request that will not be followed, and why. Raises TenureError without a reason, or once it has begun."""
    request = SubjectRequest.objects.select_for_update().get(pk=request_id)
    _must_be_open(request)
    if not reason.strip():
        raise TenureError(tr("Give the reason: whoever asked has a right to it."))
    told = "\n".join(filter(None, (personal.unseal(request.note), reason.strip())))
    request.note = personal.seal(request.person_id, told, context="request")
    request.state, request.done_at, request.done_by = SubjectRequest.State.REFUSED, now, actor
    request.save(update_fields=["note", "state", "done_at", "done_by"])
    audit.record("refuse_request", "customer", request.person_id, actor=actor, now=now, request=request.pk)
    announce(RequestDone(request.pk, request.kind))
    return request


@transaction.atomic
def close_request(request: SubjectRequest, *, counts: Mapping[str, int], actor: User | None, now: datetime) -> None:
    """An export or a correction was handed over: the request is done."""
    request.state, request.done_at, request.done_by = SubjectRequest.State.DONE, now, actor
    request.steps = {**request.steps, "handed_over": {"at": _at(now), "counts": dict(counts)}}
    request.save(update_fields=["state", "done_at", "done_by", "steps"])
    audit.record(
        "close_request", "customer", request.person_id, actor=actor, now=now, request=request.pk, kind=request.kind,
        counts=dict(counts),
    )  # fmt: skip
    announce(RequestDone(request.pk, request.kind))


def note_of(request: SubjectRequest) -> str | None:
    """How it was asked, and why it was refused; None where there is nothing, or the person's key is gone."""
    return personal.unseal(request.note)


@dataclass
class _Job:
    """One erasure at work. Whom it is about is opened only by the steps that have to find them."""

    request: SubjectRequest
    lake: Lake
    workspace: Workspace
    actor: User | None
    now: datetime
    _wanted: Wanted | None = field(default=None)

    @property
    def wanted(self) -> Wanted:
        if self._wanted is None:
            plain = vault().unseal(self.request.wanted)
            if plain is None:
                raise TenureError(
                    tr("Request {id} can't go on: what it looks for is sealed and its key is gone.", id=self.request.pk)
                )
            told = json.loads(plain)
            self._wanted = Wanted(
                tuple(told["own_ids"]), tuple((a, b) for a, b in told["numbers"]),
                {name: tuple(texts) for name, texts in told["values"].items()}, told["mode"],
            )  # fmt: skip
        return self._wanted

    @property
    def person(self) -> lake_erase.Person:
        return lake_erase.Person(self.wanted.own_ids, self.wanted.numbers)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an erasure. run: does it, however often it was begun before; returns what was done, counted."""

    name: str
    words: Words
    run: Callable[[_Job], Mapping[str, int]]


Watcher = Callable[[Step, bool], None]


def carry_out(
    request_id: int,
    *,
    lake: Lake,
    workspace: Workspace,
    actor: User | None,
    now: datetime,
    watcher: Watcher = lambda step, done: None,
) -> SubjectRequest:
    """Erase a person, or make them anonymous, in desk and lake; go on with it where it was cut off.

    Returns the request, done and with its certificate. Raises TenureError where it is not a request of this kind,
    where it is done or refused already, where somebody else is writing the lake, and where after everything something
    of the person is still found: then it is not done.
    """
    if connection.in_atomic_block and connection.vendor == "sqlite":
        raise RuntimeError("an erasure commits step by step and can't run inside a transaction")
    with lake.writing("tenure rights erase"):
        request = SubjectRequest.objects.get(pk=request_id)
        if request.kind not in TAKES_AWAY:
            raise TenureError(tr("Request {id} asks for something else.", id=request.pk))
        if request.state == SubjectRequest.State.OPEN:
            request = _begin(request_id, lake, actor=actor, now=now)
        elif request.state != SubjectRequest.State.RUNNING:
            raise TenureError(tr("Request {id} is closed already.", id=request.pk))
        job = _Job(request, lake, workspace, actor, now)
        for step in STEPS:
            if request.finished(step.name) is None:
                watcher(step, False)
                counts = step.run(job)
                _finished(request, step, counts, now)
            watcher(step, True)
        return _done(request, actor=actor, now=now, company=workspace.company)


def _begin(request_id: int, lake: Lake, *, actor: User | None, now: datetime) -> SubjectRequest:
    with transaction.atomic():
        request = SubjectRequest.objects.select_for_update().get(pk=request_id)
        _must_be_open(request)
        wanted = _gather(request, lake)
        request.own_ids = list(wanted.own_ids)
        # Under a key of the request's own: the person's goes before the last step that has to find them.
        told = {"own_ids": wanted.own_ids, "numbers": wanted.numbers, "values": wanted.values, "mode": wanted.mode}
        request.wanted = vault().seal(_key(request), json.dumps(told, ensure_ascii=False), context="request") or ""
        request.state, request.started_at = SubjectRequest.State.RUNNING, now
        request.save(update_fields=["own_ids", "wanted", "state", "started_at"])
        for own_id in wanted.own_ids:
            # From this instant nobody may reach them, and their links are dead.
            ErasedPerson.objects.get_or_create(own_id=own_id, defaults={"request": request})
        audit.record(
            "begin_erasure", "customer", request.person_id, actor=actor, now=now, request=request.pk, kind=request.kind,
            numbers=len(wanted.numbers),
        )  # fmt: skip
    return request


def _gather(request: SubjectRequest, lake: Lake) -> Wanted:
    """Whom the request is about: every number, and every name, phone, e-mail and ID number ever received for them."""
    person = lake_erase.find(lake, {request.person_id})
    values: dict[str, set[str]] = {}
    for contract in ("customers", "contacts"):
        names = [name for name in ("name", "phone", "email", "id_number") if name in CONTRACTS[contract]]
        if contract == "contacts" or not names:
            continue  # a contact is somebody else, who works for the customer
        rows = lake.read(f"received/{contract}", actor=SYSTEM)
        found = lake.to_arrow(rows.filter(rows.person_id.isin(list(person.own_ids))).select(*names))
        for name in names:
            values.setdefault(name, set()).update(text for text in found[name].to_pylist() if text)
    for holding in HOLDINGS.values():
        for name, texts in holding.called(person.own_ids).items():
            values.setdefault(name, set()).update(text for text in texts if text)
    mode = "anonymise" if request.kind == "anonymise" else "erase"
    told = {name: tuple(sorted(texts)) for name, texts in values.items()}
    return Wanted(person.own_ids, person.numbers, told, mode)  # type: ignore[arg-type]


def _rejects(job: _Job) -> Mapping[str, int]:
    mentions = Mentions([number for _, number in job.wanted.numbers], job.wanted.values)
    files, rows = take_out(job.workspace.rejects_folder, mentions)
    return {"files": files, "rows": rows}


def _bury(job: _Job) -> Mapping[str, int]:
    return {"numbers": lake_erase.bury(job.lake, job.person, job.wanted.mode)}


def _keys(job: _Job) -> Mapping[str, int]:
    subjects = [f"{ids_of}\x1f{number}" for ids_of, number in job.wanted.numbers]
    subjects += [personal.subject(own_id) for own_id in job.wanted.own_ids]
    vault().destroy(subjects, now=job.now)
    return {"keys": len(subjects)}


def _received(job: _Job) -> Mapping[str, int]:
    went = {
        contract.name: lake_erase.purge(job.lake, contract, job.person, job.wanted.mode)
        for contract in CONTRACTS.values()
    }
    return {name: rows for name, rows in went.items() if rows}


def _computed(job: _Job) -> Mapping[str, int]:
    return {"rows": lake_erase.forget_computed(job.lake, job.person)}


def _versions(job: _Job) -> Mapping[str, int]:
    return {"files": lake_erase.drop_old_versions(job.lake)}


def _desk(job: _Job) -> Mapping[str, int]:
    with transaction.atomic():
        went = {holding.name: holding.let_go(job.wanted, job.now) for holding in HOLDINGS.values()}
        audit.record(
            "erase_from_desk", "customer", job.request.person_id, actor=job.actor, now=job.now, request=job.request.pk,
            rows=went,
        )  # fmt: skip
        announce(PersonErased(tuple(job.wanted.own_ids)))
    cache.clear()
    return {name: rows for name, rows in went.items() if rows}


def _look_again(job: _Job) -> Mapping[str, int]:
    """Whether anything is left, anywhere it could be; only nothing is done."""
    left = dict(lake_erase.traces(job.lake, job.person))
    left |= {holding.name: rows for holding in HOLDINGS.values() if (rows := holding.left(job.wanted))}
    if left:
        # Somebody wrote meanwhile (an import, a publish): the next run does these steps again.
        for name in ("received", "computed", "versions", "desk"):
            job.request.steps.pop(name, None)
        job.request.save(update_fields=["steps"])
        where = ", ".join(f"{name} ({rows})" for name, rows in left.items())
        raise TenureError(
            tr("Something of the person was still found in: {where}. Carry the request out again.", where=where)
        )
    return {"left": 0}


def _forget_whom(job: _Job) -> Mapping[str, int]:
    """The request itself forgets whom it was about."""
    vault().destroy([_key(job.request)], now=job.now)
    job.request.wanted = ""
    job.request.save(update_fields=["wanted"])
    return {}


def _compact(job: _Job) -> Mapping[str, int]:
    """Rewrite the desk's database so that what was deleted is not in its files either."""
    compact_desk()
    return {}


STEPS: tuple[Step, ...] = (
    Step("rejects", Words("Reject files rewritten", "改写拒收文件"), _rejects),
    Step("bury", Words("Numbers barred from coming back", "禁止相同编号再次入库"), _bury),
    Step("keys", Words("Keys destroyed", "销毁密钥"), _keys),
    Step("received", Words("Records taken out", "移除记录"), _received),
    Step("computed", Words("Scores taken out", "移除评分"), _computed),
    Step("versions", Words("Old versions removed", "清除旧版本"), _versions),
    Step("desk", Words("Desk cleared", "清除工作台数据"), _desk),
    Step("again", Words("Looked again: nothing found", "复查：未发现残留"), _look_again),
    Step("forget", Words("The request forgot whom it was about", "请求本身不再记录对象"), _forget_whom),
    Step("compact", Words("Database files rewritten", "重写数据库文件"), _compact),
)


def compact_desk() -> None:
    """Leave nothing of what was deleted in the database's files.

    SQLite: the file is rewritten and its log emptied. PostgreSQL: the tables concerned are rewritten; its write-ahead
    log, where that is archived, ends with its backups. Raises TenureError where somebody is in the way.
    """
    if connection.in_atomic_block:
        raise RuntimeError("the desk's files can't be rewritten inside a transaction")
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                models = {model for holding in HOLDINGS.values() for model in holding.models}
                tables = ", ".join(sorted(connection.ops.quote_name(model._meta.db_table) for model in models))
                cursor.execute(f"VACUUM (FULL) {tables}")
                return
            cursor.execute("PRAGMA secure_delete = ON")
            cursor.execute("PRAGMA temp_store = FILE")  # the copy may not fit in memory
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
            cursor.execute("PRAGMA temp_store = MEMORY")
    except OperationalError as error:
        raise TenureError(tr("The desk is in use ({error}). Carry the request out again.", error=error)) from error
    if busy and busy[0]:
        raise TenureError(
            tr("The desk is in use ({error}). Carry the request out again.", error=tr("a page is still reading"))
        )


@transaction.atomic
def _finished(request: SubjectRequest, step: Step, counts: Mapping[str, int], now: datetime) -> None:
    request.steps = {**request.steps, step.name: {"at": _at(now), "counts": dict(counts)}}
    request.save(update_fields=["steps"])


@transaction.atomic
def _done(request: SubjectRequest, *, actor: User | None, now: datetime, company: str) -> SubjectRequest:
    request.state, request.done_at, request.done_by = SubjectRequest.State.DONE, now, actor
    request.certificate = certificate_of(request, [step.name for step in STEPS], company=company)
    request.save(update_fields=["state", "done_at", "done_by", "certificate"])
    waiting = SubjectRequest.objects.filter(person_id__in=request.own_ids, state=SubjectRequest.State.OPEN)
    waiting.update(state=SubjectRequest.State.LAPSED, done_at=now, done_by=actor)
    audit.record(
        "finish_erasure", "customer", request.person_id, actor=actor, now=now, request=request.pk, kind=request.kind,
        digest=request.certificate["digest"],
    )  # fmt: skip
    announce(RequestDone(request.pk, request.kind))
    return request


def _must_be_open(request: SubjectRequest) -> None:
    if request.state == SubjectRequest.State.RUNNING:
        raise TenureError(tr("Request {id} is under way; it can only be carried to its end.", id=request.pk))
    if request.state != SubjectRequest.State.OPEN:
        raise TenureError(tr("Request {id} is closed already.", id=request.pk))


def _key(request: SubjectRequest) -> str:
    return f"request\x1f{request.pk}"


def _at(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
