"""The pinyin on a card is what the dictionary says of the whole name."""

from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from tenure.pipeline.cards import _pinyin

LETTERS = st.sampled_from("王小明长重庆银行单于贾乐客户〇𠮷ㄅéA b-·0１（） \n")


@given(st.text(LETTERS, max_size=12) | st.text(max_size=12))
def test_a_name_read_run_by_run_is_the_name_read_whole(name: str) -> None:
    assert _pinyin(name) == (" ".join(lazy_pinyin(name)) or None)
