"""A key for each subject: destroyed keys are really gone, and what was sealed under them opens no more."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.vault import Vault, person, source_record, vault

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WANG, LI = source_record("shop", "C-1"), source_record("shop", "C-2")
PHONE = "13800138000"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.delenv("TENURE_KEYS", raising=False)
    return tmp_path


@pytest.fixture
def keys(home):
    return vault()


def raw(folder):
    """Every byte of the vault: its file, its log and whatever else lies beside them."""
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


def wrapped(keys):
    """The wrapped keys there are, as they lie in the file."""
    with closing(sqlite3.connect(keys.path)) as connection:
        return [row[0] for row in connection.execute("SELECT wrapped FROM subjects ORDER BY number")]


def test_a_column_comes_back_as_it_was_sealed(keys):
    subjects = pa.array([WANG, LI, WANG, LI])
    values = pa.array([PHONE, None, "", "王小明 \N{GRINNING FACE}"])

    tokens = keys.seal_column(subjects, values, context="customers.phone")

    assert tokens.null_count == 1
    assert PHONE not in str(tokens)
    assert keys.unseal_column(tokens, context="customers.phone").equals(values)
    assert all(token.startswith("tnV1") for token in tokens.to_pylist() if token)


def test_a_long_column_in_pieces_comes_back_in_order(keys):
    size = 20_000
    values = pa.chunked_array([[f"v{n}" for n in range(size // 2)], [f"v{n}" for n in range(size // 2, size)]])
    subjects = pa.array([source_record("shop", str(n % 7_001)) for n in range(size)])

    tokens = keys.seal_column(subjects, values, context="x")

    assert keys.unseal_column(tokens).to_pylist() == values.to_pylist()


def test_an_empty_column_stays_one(keys):
    nothing = pa.array([], pa.string())

    assert len(keys.seal_column(nothing, nothing, context="x")) == 0
    assert len(keys.unseal_column(nothing)) == 0


def test_who_has_nothing_to_seal_gets_no_key(keys):
    keys.seal_column(pa.array([WANG, LI]), pa.array([PHONE, None]), context="x")

    assert sum(keys.under().values()) == 1


def test_the_vault_names_nobody(keys):
    keys.seal(WANG, PHONE, context="x")

    assert b"C-1" not in raw(keys.path.parent)


def test_a_token_moved_to_another_column_does_not_open_there(keys):
    token = keys.seal(WANG, PHONE, context="customers.phone")

    with pytest.raises(TenureError, match="moved from another column"):
        keys.unseal(token, context="customers.name")


@pytest.mark.parametrize("place", [0, 5, 21, 30, 50, -3])
def test_a_changed_token_is_noticed(keys, place):
    token = keys.seal(WANG, PHONE, context="customers.phone")
    changed = list(token)
    changed[place] = "A" if changed[place] != "A" else "B"

    with pytest.raises(TenureError):
        keys.unseal("".join(changed))


def test_a_destroyed_subject_reads_as_nothing_and_stays_so(keys):
    token, other = keys.seal(WANG, PHONE, context="x"), keys.seal(LI, PHONE, context="x")

    destroyed = keys.destroy([WANG, person(9)], now=MONDAY)

    assert destroyed == 2
    assert keys.unseal(token) is None
    assert keys.unseal(other) == PHONE
    assert keys.seal(WANG, PHONE, context="x") is None
    assert keys.seal(person(9), PHONE, context="x") is None
    assert keys.seal_column(pa.array([WANG, LI]), pa.array([PHONE, PHONE]), context="x").null_count == 1
    assert keys.is_destroyed(WANG)
    assert not keys.is_destroyed(LI)
    assert keys.destroy([WANG], now=MONDAY) == 0


def test_destroyed_keys_are_gone_from_every_byte_of_the_vault(keys):
    for batch in range(6):
        names = [source_record("shop", f"{batch}-{n}") for n in range(700)]
        keys.seal_column(pa.array(names), pa.array(names), context="x")
    before = wrapped(keys)
    doomed = range(0, 4_200, 3)
    assert before[0] in raw(keys.path.parent)

    keys.destroy([source_record("shop", f"{n // 700}-{n % 700}") for n in doomed], now=MONDAY)

    everything = raw(keys.path.parent)
    gone = sorted(set(before) - set(wrapped(keys)))
    assert len(gone) == len(doomed)
    assert not [key for key in gone if key in everything or key[7:39] in everything]


def test_a_reader_in_the_way_delays_the_emptying_of_the_log_only_to_the_next_opening(home):
    keys = Vault(vault().path, vault()._ring, timeout_seconds=0)
    keys.seal(WANG, PHONE, context="x")
    (doomed,) = wrapped(keys)
    reader = sqlite3.connect(keys.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM subjects").fetchone()

    keys.destroy([WANG], now=MONDAY)
    held_up = doomed in raw(keys.path.parent)
    reader.close()
    Vault(keys.path, keys._ring)

    assert held_up
    assert doomed not in raw(keys.path.parent)


def test_what_another_process_destroyed_opens_no_more_here(keys):
    token = keys.seal(WANG, PHONE, context="x")
    assert keys.unseal(token) == PHONE

    Vault(keys.path, keys._ring).destroy([WANG], now=MONDAY)

    assert keys.unseal(token) is None


def test_changing_the_master_key_wraps_every_key_anew_and_leaves_nothing_under_the_old(keys):
    names = [source_record("shop", str(n)) for n in range(5_000)]
    tokens = keys.seal_column(pa.array(names), pa.array(names), context="x")
    keys.destroy(names[:10], now=MONDAY)
    old, before = keys._ring.current, wrapped(keys)
    new = keys._ring.rotate(now=MONDAY)
    told = []

    done = keys.rewrap(lambda done, total: told.append((done, total)))

    assert done == 4_990
    assert told[-1] == (4_990, 4_990)
    assert keys.under() == {new: 4_990}
    assert keys.rewrap() == 0
    keys._ring._replace(tuple(key for key in keys._ring._keys if key.id != old))
    keys.close()
    assert keys.unseal_column(tokens).to_pylist() == [None] * 10 + names[10:]
    assert keys.seal(names[0], PHONE, context="x") is None
    everything = raw(keys.path.parent)
    old_wraps = [key for key in before if not key.startswith(b"destroyed")]
    assert len(old_wraps) == 4_990
    assert not [key for key in old_wraps if key in everything]


WRITER = """
import sys, pyarrow as pa
from tenure.vault import source_record, vault
name, rounds = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for n in range(rounds):
    names = [source_record("shop", f"{n}-{m}") for m in range(50)]
    tokens = vault().seal_column(pa.array(names), pa.array([f"{name} {s}" for s in names]), context="x")
    print("\\n".join(tokens.to_pylist()), flush=True)
"""


def writer(name, rounds):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(rounds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_sealing_the_same_subjects_at_once_share_their_keys(keys):
    processes = [writer(name, 8) for name in ("a", "b", "c")]
    for process in processes:
        go(process)
    tokens = [process.communicate(timeout=120)[0].split() for process in processes]

    for name, written in zip("abc", tokens, strict=True):
        plain = keys.unseal_column(pa.array(written)).to_pylist()
        assert len(plain) == 400
        assert all(text.startswith(f"{name} shop") for text in plain)
    assert sum(keys.under().values()) == 400


def test_every_token_of_a_killed_writer_opens(keys):
    process = writer("a", 10_000)
    go(process)
    lines = [process.stdout.readline() for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().splitlines(keepends=True)
    process.wait()

    whole = [line.strip() for line in [*lines, *rest] if line.endswith("\n")]

    assert keys.unseal_column(pa.array(whole)).null_count == 0
    assert keys.seal(WANG, PHONE, context="x")


REWRAPPER = """
import sys
from tenure.vault import vault
def tell(done, total):
    print(done, flush=True)
    sys.stdin.readline()
vault().rewrap(tell)
"""


def test_a_rewrap_killed_half_way_goes_on_where_it_stopped(keys):
    names = [source_record("shop", str(n)) for n in range(5_000)]
    tokens = keys.seal_column(pa.array(names), pa.array(names), context="x")
    old, new = keys._ring.current, keys._ring.rotate(now=MONDAY)
    process = subprocess.Popen(
        [sys.executable, "-c", REWRAPPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "2000\n"
    process.kill()
    process.wait()

    assert keys.under() == {old: 3_000, new: 2_000}
    assert keys.rewrap() == 3_000
    assert keys.unseal_column(tokens).to_pylist() == names


def test_a_forked_process_opens_the_vault_for_itself(keys):
    token = keys.seal(WANG, PHONE, context="x")

    child = os.fork()
    if child == 0:
        os._exit(0 if vault().unseal(token) == PHONE and vault().seal(LI, PHONE, context="x") else 1)
    (_, status) = os.waitpid(child, 0)

    assert status == 0
    assert keys.seal(LI, PHONE, context="x")


def test_a_lost_vault_is_said_and_no_empty_one_is_put_in_its_place(keys):
    keys.close()
    keys.path.unlink()

    with pytest.raises(TenureError, match="is missing"):
        vault()

    assert not keys.path.exists()


def test_a_vault_whose_keyring_was_lost_is_said(home, keys, monkeypatch):
    monkeypatch.setattr("tenure.keyring._rings", {})
    keys._ring.path.unlink()
    (home / "sealed.json").unlink()

    with pytest.raises(TenureError, match="is missing"):
        vault()


def test_a_vault_older_than_the_records_says_so(keys):
    keys.seal(WANG, PHONE, context="x")
    keys.close()
    shutil.copy(keys.path, keys.path.with_name("older"))
    token = keys.seal(LI, PHONE, context="x")
    keys.close()
    os.replace(keys.path.with_name("older"), keys.path)

    with pytest.raises(TenureError, match="older than the records"):
        keys.unseal(token)


@pytest.mark.parametrize("length", [0, 50, 4_096, 20_000])
def test_a_vault_cut_short_is_refused_and_left_as_it_is(keys, length):
    names = [source_record("shop", str(n)) for n in range(500)]
    keys.seal_column(pa.array(names), pa.array(names), context="x")
    keys.close()
    whole = keys.path.read_bytes()
    keys.path.write_bytes(whole[:length])

    with pytest.raises(TenureError, match="damaged or cut short"):
        Vault(keys.path, keys._ring).seal(WANG, PHONE, context="x")

    assert keys.path.read_bytes() == whole[:length]


def test_a_flipped_byte_in_a_wrapped_key_is_noticed(keys):
    token = keys.seal(WANG, PHONE, context="x")
    (key,) = wrapped(keys)
    keys.close()
    whole = keys.path.read_bytes()
    place = whole.index(key) + 30
    keys.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

    with pytest.raises(TenureError, match="changed since it was sealed"):
        keys.unseal(token)
