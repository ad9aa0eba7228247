"""Whatever is wrong with a backup is found before anything is written, and named."""

from __future__ import annotations

import os
import resource
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenure.backup import ByKeyring, ByPassphrase, verify
from tenure.errors import TenureError
from tenure.language import using
from tests.backup.conftest import python
from tests.running import TENURE, surroundings, tenure

# Chunks so small that a small company fills many.
SMALL_CHUNKS = "from tenure.backup import sealed; sealed.CHUNK = 4096\nfrom tenure.cli import main; main()"


@pytest.fixture(scope="module")
def backup(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "b.tenure"
    python(original / "home", SMALL_CHUNKS, "backup", path)
    return path


@pytest.fixture
def lock(original: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ByKeyring]:
    monkeypatch.setattr("tenure.backup.sealed.CHUNK", 4096)
    with using("en"):
        yield ByKeyring(original / "home" / "keys" / "master.json")


def frames(data: bytes) -> list[tuple[int, int]]:
    """Where each chunk begins and ends."""
    (length,) = struct.unpack(">I", data[10:14])
    at, found = 14 + length + 32, []
    while at < len(data):
        (size,) = struct.unpack(">I", data[at + 1 : at + 5])
        found.append((at, at + 5 + size))
        at += 5 + size
    return found


def refusal(path: Path, data: bytes, lock: ByKeyring) -> str:
    path.write_bytes(data)
    with pytest.raises(TenureError) as refused:
        verify(path, lock)
    return str(refused.value)


def test_a_flipped_byte_anywhere_is_found_and_the_member_named(backup: Path, tmp_path: Path, lock: ByKeyring) -> None:
    whole = backup.read_bytes()
    chunks = frames(whole)
    verify(backup, lock)
    second = chunks[1][0]  # from here on it is known what is being read
    edges = [place for start, end in chunks for place in (start, start + 1, start + 4, start + 5, end - 1)]
    named = 0

    for place in sorted({*range(0, 700, 7), *range(0, len(whole), 997), *edges}):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        said = refusal(tmp_path / "f.tenure", bytes(flipped), lock)
        if place >= second:
            assert "f.tenure" in said
            assert "is damaged" in said or "is cut short" in said, (place, said)
            named += any(
                f"f.tenure: {part}" in said for part in ("desk/", "lake/", "rejects/", "vault/", "the manifest")
            )

    assert len(chunks) > 40
    assert named > len(chunks)


def test_cut_short_anywhere_it_is_refused(backup: Path, tmp_path: Path, lock: ByKeyring) -> None:
    whole = backup.read_bytes()
    chunks = frames(whole)
    vault = next(start for start, _ in chunks if whole[start] == 1)

    for length in sorted({*range(0, len(whole), 1499), *(end for _, end in chunks[:-1]), len(whole) - 1}):
        if length == vault:
            continue  # a whole backup whose vault was cut off
        said = refusal(tmp_path / "t.tenure", whole[:length], lock)
        assert "cut short" in said or "not a backup" in said, (length, said)


def test_chunks_swapped_dropped_repeated_or_added_are_found(backup: Path, tmp_path: Path, lock: ByKeyring) -> None:
    whole = backup.read_bytes()
    chunks = [whole[start:end] for start, end in frames(whole)]
    head = whole[: frames(whole)[0][0]]
    middle = len(chunks) // 2

    for changed in (
        [*chunks[:middle], chunks[middle + 1], chunks[middle], *chunks[middle + 2 :]],
        [*chunks[:middle], *chunks[middle + 1 :]],
        [*chunks[:middle], chunks[middle], *chunks[middle:]],
        chunks[1:],
    ):
        assert "is damaged" in refusal(tmp_path / "s.tenure", head + b"".join(changed), lock)
    assert "goes on for 3 bytes" in refusal(tmp_path / "s.tenure", whole + b"end", lock)


def test_chunks_of_another_backup_of_the_same_workspace_do_not_fit(
    original: Path, backup: Path, tmp_path: Path, lock: ByKeyring
) -> None:
    other = tmp_path / "other.tenure"
    python(original / "home", SMALL_CHUNKS, "backup", other)
    theirs, ours = other.read_bytes(), backup.read_bytes()

    mixed = ours[: frames(ours)[2][0]] + theirs[slice(*frames(theirs)[2])] + ours[frames(ours)[2][1] :]

    assert "is damaged" in refusal(tmp_path / "m.tenure", mixed, lock)


@pytest.mark.parametrize("content", [b"", b"TENURE", b"order_id,amount\nA-1,5\n" * 50, b"\x00" * 5000])
def test_what_is_no_backup_is_told_so(tmp_path: Path, lock: ByKeyring, content: bytes) -> None:
    assert "not a backup of Tenure" in refusal(tmp_path / "x.csv", content, lock)


def test_a_file_that_is_not_there_or_a_folder_is_told_so(tmp_path: Path, lock: ByKeyring) -> None:
    for path in (tmp_path / "none.tenure", tmp_path):
        with pytest.raises(TenureError, match=r"can't be read.*Name the file of a backup"):
            verify(path, lock)


def test_a_newer_format_is_told_from_damage(backup: Path, tmp_path: Path, lock: ByKeyring) -> None:
    whole = bytearray(backup.read_bytes())
    whole[8:10] = struct.pack(">H", 2)

    said = refusal(tmp_path / "n.tenure", bytes(whole), lock)

    assert "has format 2; this Tenure reads up to 1" in said


def test_another_workspaces_keys_do_not_open_it_and_nothing_is_written(backup: Path, tmp_path: Path) -> None:
    tenure(tmp_path / "stranger", "init")

    said = tenure(tmp_path / "stranger", "restore", backup, "--home", tmp_path / "new", fails=True).stderr

    assert "--keys FILE" in " ".join(said.split())
    assert not (tmp_path / "new").exists()
    with pytest.raises(TenureError, match="not by a passphrase"):
        verify(backup, ByPassphrase("open"))


def test_a_head_that_asks_for_all_memory_is_refused() -> None:
    greedy = {"by": "passphrase", "n": 1 << 40, "r": 8, "p": 1, "salt": "", "nonce": "", "key": ""}

    with pytest.raises(TenureError):
        ByPassphrase("open").open(greedy, "b.tenure")


def test_a_damaged_backup_is_refused_before_a_restore_writes_anything(
    original: Path, backup: Path, tmp_path: Path
) -> None:
    flipped = bytearray(backup.read_bytes())
    flipped[-20] ^= 4
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f.tenure").write_bytes(flipped)

    said = tenure(
        original / "home", "restore", tmp_path / "d" / "f.tenure", "--home", tmp_path / "d" / "new", fails=True
    )

    assert "is damaged" in said.stderr
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["f.tenure"]


def test_a_newer_workspace_is_refused_by_name(company_home: Path, tmp_path: Path) -> None:
    python(company_home, """
from tenure.cli import opened
opened.desk()
from django.db import connection
connection.cursor().execute("INSERT INTO django_migrations (app, name, applied) VALUES ('customers', '0999_later', '2030-01-01')")
""")  # fmt: skip
    tenure(company_home, "backup", tmp_path / "b.tenure")

    said = tenure(company_home, "restore", tmp_path / "b.tenure", "--home", tmp_path / "new", fails=True).stderr

    assert "customers.0999_later" in said
    assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tenure", "home"]


def test_a_full_disk_leaves_no_backup_and_no_torso(company_home: Path, tmp_path: Path) -> None:
    limit = 60_000
    ended = subprocess.run(
        [*TENURE, "backup", str(tmp_path / "to" / "b.tenure")], env=surroundings(company_home), capture_output=True,
        text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip

    assert ended.returncode == 1, ended.stderr
    assert "The disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "to").iterdir()) == []
    assert not (company_home / "last-backup.json").exists()


def test_a_full_disk_leaves_nothing_of_a_restore(original: Path, tmp_path: Path) -> None:
    backup = tmp_path / "b.tenure"
    tenure(original / "home", "backup", backup)
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs rights this machine does not give")
    try:
        said = tenure(original / "home", "restore", backup, "--home", small / "new", fails=True).stderr

        assert "disk" in said
        assert "Nothing was restored" in " ".join(said.split())
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_destination_that_cannot_be_written_or_is_taken_is_told(company_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "there.tenure").write_text("x")

    unwritable = tenure(company_home, "backup", tmp_path / "file" / "b.tenure", fails=True).stderr
    taken = tenure(company_home, "backup", tmp_path / "there.tenure", fails=True).stderr

    assert "can't be written" in unwritable
    assert "is there already" in taken
    assert (tmp_path / "there.tenure").read_text() == "x"


def test_a_lost_key_is_told_and_no_new_one_takes_its_place(company_home: Path, tmp_path: Path) -> None:
    shutil.rmtree(company_home / "keys")

    said = tenure(company_home, "backup", tmp_path / "b.tenure", fails=True).stderr

    assert "master.json is missing" in " ".join(said.split())
    assert not os.path.exists(tmp_path / "b.tenure")
    assert not (company_home / "keys" / "master.json").exists()
