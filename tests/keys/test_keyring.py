"""The master keys: what they seal only they open, and nothing that is wrong with their file costs what they sealed."""

import multiprocessing
import os
from datetime import UTC, datetime, timedelta

import pytest

from tenure.errors import TenureError
from tenure.keyring import Keyring, keyring, sealed_under

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PHONE = b"13800138000"


@pytest.fixture
def ring(tmp_path):
    return Keyring.create(tmp_path / "keys" / "master.json")


def test_what_is_sealed_opens_again_and_does_not_show(ring):
    sealed = ring.seal(PHONE, context=b"phone")

    assert ring.unseal(sealed, context=b"phone") == PHONE
    assert PHONE not in sealed
    assert ring.seal(PHONE, context=b"phone") != sealed


def test_a_value_sealed_as_one_thing_does_not_open_as_another(ring):
    sealed = ring.seal(PHONE, context=b"phone")

    with pytest.raises(TenureError, match="belongs somewhere else"):
        ring.unseal(sealed, context=b"name")


@pytest.mark.parametrize("place", range(3, 50))
def test_a_flipped_bit_anywhere_is_noticed(ring, place):
    sealed = bytearray(ring.seal(PHONE * 2, context=b"phone"))
    sealed[place] ^= 1

    with pytest.raises(TenureError):
        ring.unseal(bytes(sealed), context=b"phone")


@pytest.mark.parametrize("sealed", [b"", b"\xb6r\xb5", b"13800138000", b"\xb6r\xb5" + bytes(20)])
def test_what_was_never_sealed_or_is_cut_short_is_refused(ring, sealed):
    with pytest.raises(TenureError, match="sealed value was expected"):
        ring.unseal(sealed, context=b"phone")


def test_the_file_is_its_owners_alone(ring):
    assert ring.path.stat().st_mode & 0o777 == 0o600
    assert ring.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_keyring_others_can_read_is_refused_with_what_to_do(ring):
    ring.path.chmod(0o644)

    with pytest.raises(TenureError, match="chmod 600"):
        Keyring.open(ring.path)


def test_creating_never_overwrites(ring):
    before = ring.path.read_bytes()

    again = Keyring.create(ring.path)

    assert ring.path.read_bytes() == before
    assert again.ids == ring.ids


def _create(path, barrier, found):
    barrier.wait()
    found.put(Keyring.create(path).current)


def test_processes_that_create_at_once_agree_on_one_keyring(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    barrier, found = spawn.Barrier(3), spawn.Queue()
    path = tmp_path / "keys" / "master.json"
    processes = [spawn.Process(target=_create, args=(path, barrier, found)) for _ in range(3)]
    for process in processes:
        process.start()
    ids = {found.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()

    assert ids == {Keyring.open(path).current}
    assert [file.name for file in path.parent.iterdir()] == ["master.json"]


def test_an_older_key_still_opens_what_it_sealed_and_the_new_one_seals(ring):
    old, sealed = ring.current, ring.seal(PHONE, context=b"phone")

    new = ring.rotate(now=MONDAY)

    assert ring.ids == (new, old)
    assert ring.unseal(sealed, context=b"phone") == PHONE
    assert sealed_under(sealed) == old
    assert sealed_under(ring.seal(PHONE, context=b"phone")) == new


def test_a_change_of_keys_by_another_process_is_noticed(ring):
    other = Keyring.open(ring.path)

    new = ring.rotate(now=MONDAY)

    assert other.current == new
    assert other.unseal(ring.seal(PHONE, context=b"phone"), context=b"phone") == PHONE


def test_digests_differ_by_purpose_and_key_and_earlier_ones_can_be_looked_for(ring):
    old, before = ring.current, ring.mac("phone", PHONE)

    ring.rotate(now=MONDAY)

    assert before != ring.mac("email", PHONE, under=old)
    assert ring.mac("phone", PHONE) != before
    assert ring.mac("phone", PHONE, under=old) == before
    assert ring.macs("phone", PHONE) == (ring.mac("phone", PHONE), before)
    assert ring.digester("phone")(PHONE) == ring.mac("phone", PHONE)


def test_an_older_key_can_be_retired_after_an_hour_and_the_current_one_never(ring):
    old, sealed = ring.current, ring.seal(PHONE, context=b"phone")
    new = ring.rotate(now=MONDAY)

    with pytest.raises(TenureError, match="less than an hour ago"):
        ring.retire(old, now=MONDAY + timedelta(minutes=59))
    with pytest.raises(TenureError, match="seals now"):
        ring.retire(new, now=MONDAY + timedelta(hours=1))
    ring.retire(old, now=MONDAY + timedelta(hours=1))

    assert ring.ids == (new,)
    with pytest.raises(TenureError, match=f"under key {old}"):
        ring.unseal(sealed, context=b"phone")


def test_a_keyring_cut_short_at_any_byte_is_refused_and_left_as_it_is(ring):
    whole = ring.path.read_bytes()

    for length in range(0, len(whole) - 1, 7):
        ring.path.write_bytes(whole[:length])
        with pytest.raises(TenureError, match="damaged or cut short"):
            Keyring.open(ring.path)
        assert ring.path.read_bytes() == whole[:length]


def test_a_changed_key_in_the_file_is_refused(ring):
    text = ring.path.read_text()
    key = text.split('"key": "')[1]
    ring.path.write_text(text.replace(key[:4], "AAAA" if key[:4] != "AAAA" else "BBBB"))

    with pytest.raises(TenureError, match="damaged or cut short"):
        Keyring.open(ring.path)


def test_a_workspace_makes_its_keyring_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.delenv("TENURE_KEYS", raising=False)

    first = keyring()

    assert first.path == tmp_path / "keys" / "master.json"
    assert keyring() is first


def test_a_lost_keyring_is_said_and_no_other_is_put_in_its_place(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_KEYS", str(tmp_path / "elsewhere" / "keys.json"))
    ring = keyring(tmp_path)
    ring.path.unlink()

    with pytest.raises(TenureError, match="is missing"):
        keyring(tmp_path)
    with pytest.raises(TenureError, match="is missing"):
        ring.seal(PHONE, context=b"phone")

    assert not ring.path.exists()


def test_another_workspaces_keyring_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("TENURE_KEYS", raising=False)
    ours, theirs = keyring(tmp_path / "ours"), keyring(tmp_path / "theirs")
    before = ours.current
    os.replace(theirs.path, ours.path)
    monkeypatch.setattr("tenure.keyring._rings", {})

    with pytest.raises(TenureError, match=f"holds key {before}"):
        keyring(tmp_path / "ours")
