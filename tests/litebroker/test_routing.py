import pytest

from litebroker.routing import matches


@pytest.mark.parametrize(
    ("pattern", "key", "wanted"),
    [
        ("#", "", True),
        ("#", "a.b.c", True),
        ("a.#", "a", True),
        ("a.#", "a.b.c", True),
        ("a.#", "ab", False),
        ("#.c", "c", True),
        ("#.c", "a.b.c", True),
        ("a.*", "a", False),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.#.c", "a.c", True),
        ("a.#.c", "a.b.b.c", True),
        ("*", "a.b", False),
        ("a+b.(c)", "a+b.(c)", True),
        ("a+b", "aab", False),
    ],
)
def test_a_topic_pattern_matches_whole_words(pattern: str, key: str, wanted: bool) -> None:
    assert matches(pattern, key) is wanted
