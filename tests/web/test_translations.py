import pytest
from tools import translations


def test_every_sentence_has_its_chinese_and_the_compiled_file_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert translations.main(["--check"]) == 0, capsys.readouterr().out


def test_python_sentences_are_found_and_f_strings_refused() -> None:
    code = '_("one")\ntr("two {n}", n=2)\nngettext("a", "b", n)\n_(variable)\nother("three")\n'

    assert list(translations.in_python(code, "x.py")) == ["one", "two {n}", ("a", "b")]
    with pytest.raises(translations.NotTranslatableError):
        list(translations.in_python('_(f"one {n}")', "x.py"))


def test_template_sentences_are_found_as_django_looks_them_up() -> None:
    page = (
        '{% translate "one" %}{% trans \'two\' as x %}{{ _("three") }}'
        "{% blocktranslate count n=n %}{{ n }} day, 5 %{% plural %}{{ n }} days, 5 %{% endblocktranslate %}"
        "{% blocktranslate trimmed %}\n  a\n  b\n{% endblocktranslate %}"
    )

    assert list(translations.in_template(page)) == [
        "one",
        "two",
        "three",
        ("%(n)s day, 5 %%", "%(n)s days, 5 %%"),
        "a b",
    ]
