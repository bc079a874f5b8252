import yaml
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.tools.training.front_matter import front_matter

NAMES = st.from_regex(r"[a-z][a-z_-]{0,10}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = TEXTS | st.integers(-(2**53), 2**53) | st.booleans() | st.none()
ENTRIES = st.dictionaries(NAMES, SCALARS, min_size=1, max_size=3)


@given(
    st.dictionaries(
        NAMES,
        SCALARS
        | st.lists(SCALARS, min_size=1, max_size=3)
        | ENTRIES
        | st.lists(
            st.dictionaries(
                NAMES, SCALARS | ENTRIES | st.lists(ENTRIES, min_size=1), min_size=1, max_size=3
            ),
            min_size=1,
            max_size=2,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_put_in_is_what_a_yaml_reader_takes_out(data: dict[str, object]) -> None:
    text = front_matter(data)
    begin, *body, end = text.splitlines()[0], *text.split("\n")[1:-2], text.split("\n")[-2]
    assert (begin, end) == ("---", "---")
    assert yaml.safe_load("\n".join(body)) == data
