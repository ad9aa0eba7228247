"""Consent: the newest word counts, silence is no, and the history stays."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from tenure.desk.governance import consents, preferences
from tenure.desk.governance.models import (
    AppendOnlyError,
    AuditEntry,
    ConsentEntry,
    ErasedPerson,
    SubjectRequest,
    User,
)
from tenure.desk.governance.purposes import CHANNELS, PURPOSES
from tenure.errors import TenureError
from tests.cast import LI, MONDAY, TUESDAY, WANG

pytestmark = pytest.mark.django_db

SAID = "Signed form of 2 March"


def agreed(person: int = WANG, purpose: str = "marketing", channel: str = "mail", **more: object) -> ConsentEntry:
    given = {"state": "given", "evidence": SAID, "source": "desk", "actor": None, "now": MONDAY} | more
    return consents.record_consent(person, purpose=purpose, channel=channel, **given)  # type: ignore[arg-type]


def allowed(purpose: str, channel: str = "mail", person: int = WANG, days: int = 0) -> bool:
    return consents.allows(person, purpose, channel, TUESDAY + timedelta(days=days)).allowed


def test_silence_means_no_to_everything_but_service_messages() -> None:
    for name, purpose in PURPOSES.items():
        for channel in CHANNELS if purpose.by_channel else ("",):
            assert allowed(name, channel) is (name == "service"), (name, channel)


def test_a_consent_opens_its_own_purpose_and_channel_and_no_other() -> None:
    agreed()

    assert allowed("marketing", "mail")
    assert not allowed("marketing", "sms")
    assert not allowed("research", "mail")
    assert not allowed("marketing", "mail", person=LI)


def test_the_newest_word_counts_whatever_the_order_of_writing_it_down() -> None:
    consents.withdraw_consent(WANG, purpose="marketing", channel="mail", source="desk", actor=None, now=TUESDAY)
    agreed(at=MONDAY - timedelta(days=30), now=TUESDAY)  # an old form found later

    assert not allowed("marketing")
    assert [entry.state for entry in consents.history(WANG)] == ["withdrawn", "given"]


def test_of_two_words_of_one_instant_the_later_written_counts() -> None:
    agreed()
    consents.withdraw_consent(WANG, purpose="marketing", channel="mail", source="desk", actor=None, now=MONDAY)

    assert not allowed("marketing")


def test_a_consent_counts_from_its_hour_until_its_end() -> None:
    agreed(expires_at=TUESDAY + timedelta(days=10))

    assert not consents.allows(WANG, "marketing", "mail", MONDAY - timedelta(seconds=1)).allowed
    assert allowed("marketing", days=9)
    assert not allowed("marketing", days=10)
    found = {(one.purpose, one.channel): one.state for one in consents.standing(WANG, TUESDAY + timedelta(days=10))}
    assert found["marketing", "mail"] == "expired"


def test_a_word_about_a_whole_purpose_speaks_for_each_channel_until_a_newer_one_for_one() -> None:
    agreed(channel="")
    consents.withdraw_consent(
        WANG, purpose="marketing", channel="sms", source="desk", actor=None, now=MONDAY + timedelta(hours=1)
    )

    assert allowed("marketing", "mail")
    assert not allowed("marketing", "sms")


def test_service_messages_stop_where_they_are_refused() -> None:
    agreed(purpose="service", channel="sms", state="refused", evidence="")

    assert not allowed("service", "sms")
    assert allowed("service", "mail")


def test_withdrawing_everything_leaves_service_messages() -> None:
    agreed()
    agreed(purpose="profiling", channel="")

    consents.withdraw_everything(WANG, source="desk", actor=None, now=TUESDAY)

    assert {one.purpose for one in consents.standing(WANG, TUESDAY) if one.allowed} == {"service"}


@pytest.mark.parametrize(
    ("purpose", "channel"), [("espionage", "mail"), ("marketing", "pigeon"), ("marketing", ""), ("profiling", "mail2")]
)
def test_a_purpose_or_channel_nobody_knows_is_refused(purpose: str, channel: str) -> None:
    agreed(channel="")

    assert not consents.allows(WANG, purpose, channel, TUESDAY).allowed


def test_every_decision_says_why_in_both_languages_and_names_its_entry() -> None:
    entry = agreed()

    yes, no = (consents.allows(WANG, "marketing", channel, TUESDAY).why for channel in ("mail", "sms"))

    assert yes.en == f"Offers and news by E-mail: agreed on 2026-03-02 (entry {entry.pk})"
    assert yes.zh == f"优惠与资讯（电子邮件）：2026-03-02 已同意（记录 {entry.pk}）"
    assert (no.en, no.zh) == ("Offers and news by Text message: never agreed to", "优惠与资讯（短信）：从未同意")


def test_what_two_numbers_said_becomes_one_history_and_parts_again() -> None:
    agreed(LI)
    consents.withdraw_consent(WANG, purpose="research", channel="", source="desk", actor=None, now=MONDAY)

    consents.note_merges([(LI, WANG)])
    assert allowed("marketing")
    assert len(consents.history(WANG)) == 2

    consents.note_merges([])
    assert not allowed("marketing")
    assert allowed("marketing", person=LI)


def test_a_no_said_under_a_number_that_was_merged_is_a_no_of_the_person() -> None:
    agreed()
    consents.withdraw_consent(LI, purpose="marketing", channel="mail", source="desk", actor=None, now=TUESDAY)

    consents.note_merges([(LI, WANG)])

    assert not allowed("marketing")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"evidence": "  "}, "without evidence is none"),
        ({"purpose": "espionage"}, "There are: service, marketing"),
        ({"channel": "pigeon"}, "There are: mail, sms"),
        ({"purpose": "profiling"}, "as a whole, not by channel"),
        ({"state": "maybe"}, 'not "maybe"'),
        ({"state": "refused", "expires_at": TUESDAY}, "Only a consent can run out"),
        ({"expires_at": MONDAY}, "before it begins"),
        ({"at": TUESDAY}, "lies in the future"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(change: dict[str, object], says: str) -> None:
    with pytest.raises(TenureError, match=says):
        agreed(**change)
    assert not ConsentEntry.objects.exists()


def test_the_history_is_never_changed_or_deleted() -> None:
    entry = agreed()

    for change in (
        entry.save, entry.delete, ConsentEntry.objects.all().delete, lambda: ConsentEntry.objects.update(state="given"),
        lambda: ConsentEntry.objects.bulk_update([entry], ["state"]),
    ):  # fmt: skip
        with pytest.raises(AppendOnlyError):
            change()


def test_the_database_itself_refuses_a_no_that_runs_out() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentEntry.objects.create(
            person_id=WANG, purpose="marketing", state="refused", source="x", at=MONDAY, recorded_at=MONDAY,
            expires_at=TUESDAY,
        )  # fmt: skip


def test_the_evidence_is_sealed_and_read_again() -> None:
    entry = agreed(evidence="Told Ann on the phone: 王小明")

    stored = ConsentEntry.objects.get(pk=entry.pk)
    assert "王小明" not in stored.evidence
    assert stored.evidence
    assert consents.evidence_of(stored) == "Told Ann on the phone: 王小明"


def test_each_change_is_one_audit_entry_without_the_evidence(people: dict[str, User]) -> None:
    agreed(actor=people["ann"])

    entry = AuditEntry.objects.get(verb="record_consent")
    assert (entry.actor, entry.object_id, entry.detail["purpose"]) == (people["ann"], str(WANG), "marketing")
    assert SAID not in str(entry.detail)


def test_of_an_erased_person_nothing_is_allowed_or_recorded() -> None:
    agreed()
    request = SubjectRequest.objects.create(kind="erase", person_id=WANG, received_at=MONDAY, due_on=TUESDAY.date())
    ErasedPerson.objects.create(own_id=WANG, request=request)

    assert not allowed("marketing")
    assert not allowed("service")
    with pytest.raises(TenureError, match="were erased"):
        agreed()
    with pytest.raises(TenureError, match="were erased"):
        preferences.issue_link(WANG, actor=None, now=TUESDAY)
