"""Under which name the result is to be published."""

import pytest

from ml_intern.llm.autopilot.reading import read

NAMES: list[tuple[str, str | None]] = [
    ("repository name city-routing", "city-routing"),
    ("Repo: mail-sorter.", "mail-sorter"),
    ("repository name: moods", "moods"),
    ("the repo is called mood-net", "mood-net"),
    ("repo name is moods", "moods"),
    ("the repository should be named moods", "moods"),
    ("Repository=team/moods", "team/moods"),
    ('in repo "mood net"', "mood net"),
    ("upload to the repository moods-2", "moods-2"),
    ("push it to mood-net", "mood-net"),
    ("publish it as moods.", "moods"),
    ("publish it as moods on the hub", "moods"),
    ("publish as moods, privately", "moods"),
    ("name it moods", "moods"),
    ('Publish under the name "mail sorter"', "mail sorter"),
    ("publish? yes, as moods-2", "moods-2"),
    ("publish; name: moods", "moods"),
    ("8 epochs; name mood-net; publish", "mood-net"),
    ("column name: moods", None),
    ("push it to the hub", None),
    ("publish as soon as possible", None),
    ("publish it as private model", None),
    ("release the repo for everyone", None),
    ("the repo should be public", None),
    ("no repository please", None),
    ("the repository of our team has the code", None),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_repository_name(text: str, name: str | None) -> None:
    assert read(f"Train on a.csv, {text}").repo_name == name


NOT = """
Nothing should be published
Nothing of this is to be uploaded
Please refrain from publishing
Avoid publishing anything
Hold off on pushing it
Publishing is not needed
Publishing isn't necessary
Publication is unnecessary
Leave publishing to me
I will publish it myself
Publishing can wait
It doesn't have to be published
It shouldn't be shared with anyone
You mustn't upload it
Skip publishing
without uploading anything
no publication
publish: no
There is nothing to publish
publish = false
Publish? No
Leave it unpublished
""".strip().splitlines()
DO = """
publish: yes
Don't forget to publish it
Do not hesitate to publish it
publish it as moods, not only once
Publish it; nothing else is needed
""".strip().splitlines()


@pytest.mark.parametrize(("texts", "publish"), [(NOT, False), (DO, True)])
def test_whether_to_publish(texts: list[str], publish: bool) -> None:
    assert [text for text in texts if read(f"Train on a.csv. {text}.").publish != publish] == []


UNSETTLED: list[tuple[str, tuple[str, ...]]] = [
    ("Publish or don't publish, up to you", ("Publish or don't publish",)),
    ("publish it or not", ("publish it or not",)),
    ("I don't care about publishing", ("don't care about publishing",)),
    ("Maybe publish it", ("Maybe publish",)),
    ("Publish only if it beats the old one", ("Publish only if it beats the old one",)),
    ("If my boss likes it, publish it", ("If my boss likes it, publish it",)),
    (
        "Publish only if test accuracy is over 80 %",
        ("Publish only if test accuracy is over 80 %",),
    ),
    ("Don't publish unless I say so", ("Don't publish unless I say so",)),
    ("Publish it if it reaches 90 % accuracy", ()),
    ("Reach 90 % and publish only if you reach the target", ()),
    ("Publish it if possible", ()),
    ("Publish it once it is done", ()),
    ("Publish it as moods when the training is over", ()),
]


@pytest.mark.parametrize(("text", "unread"), UNSETTLED)
def test_what_leaves_open_whether_to_publish_is_asked_about(
    text: str, unread: tuple[str, ...]
) -> None:
    assert read(f"Train on a.csv. {text}.").unread == unread


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("keep it private", True),
        ("don't make it public", True),
        ("it must not be public", True),
        ("keep it hidden", True),
        ("with hidden size 64", None),
        ("make it public", False),
        ("publish it", None),
    ],
)
def test_how_openly(text: str, private: bool | None) -> None:
    assert read(f"Train on a.csv, {text}.").private == private
