"""The cache that all processes share."""

from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from tenure.desk.governance.models import SharedValue


@pytest.mark.django_db
def test_what_was_set_is_read_until_it_expires_or_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("tries", [1.5, 2.5], 60)
    cache.set("always", {"a": "安"}, None)
    assert cache.get("tries") == [1.5, 2.5]
    assert cache.get("never", "none") == "none"

    monkeypatch.setattr("tenure.desk.governance.shared.time.time", lambda: 4e9)

    assert cache.get("tries") is None
    assert cache.get("always") == {"a": "安"}
    assert cache.delete("always")
    assert not cache.delete("always")


@pytest.mark.django_db
def test_a_key_is_added_once_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.add("code", True, 30)
    assert not cache.add("code", True, 30)
    assert cache.touch("code", 60)

    monkeypatch.setattr("tenure.desk.governance.shared.time.time", lambda: 4e9)

    assert cache.add("code", True, 30)
    assert SharedValue.objects.count() == 1


@pytest.mark.django_db
def test_a_long_key_has_its_place_too() -> None:
    cache.set("x" * 400, 1)
    cache.set("x" * 401, 2)

    assert (cache.get("x" * 400), cache.get("x" * 401)) == (1, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_nothing_that_json_cannot_hold_is_kept(value: Any) -> None:
    with pytest.raises(TypeError):
        cache.set("thing", value)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_add_the_same_key_at_once_one_does() -> None:
    together, won = Barrier(6), []

    def add() -> None:
        together.wait()
        try:
            while True:
                try:
                    won.append(cache.add("lock", True, 30))
                except OperationalError:  # the tests' SQLite lies in memory, where a writer does not wait its turn
                    connection.close()
                    continue
                return
        finally:
            connection.close()

    threads = [Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 5 + [True]
