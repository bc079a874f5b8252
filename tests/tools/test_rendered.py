"""Cards and READMEs hold what their pages show."""

import pytest

from ml_intern.tools.rendered import as_shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a < b, List<int>, <https://x.example/?a=1&b=2>", None),
        ("`<div hidden>` is code\n\n```html\n<div hidden>so is this</div>\n```\n", None),
        ("- [x] done\n[text][label]\n\n[label]: https://x.example\n", None),
        ("<details><summary>More</summary>shown on a click</details>", None),
        ("a<div hidden>b<div>c</div>\nd</div>e", "a\ne"),
        ('a<p style="opacity:0;height:0">b</p>c', "ac"),
        ('a<span style="display&#58;none">b</span>c', "ac"),
        ("a<noscript>b</noscript><script>c()</script>d", "ad"),
        ('a<font size="0">b</font>c<input type="hidden" value="d">e', "ace"),
        ('<img src="x.png" alt="words" title="more\nwords">', '<img src="x.png">\n'),
        ("[//]: # (words\nof two lines)\ntext", "\n\ntext"),
        ("[a]\n\n[a]: https://x.example 'words'", "[a]\n\n[a]: https://x.example"),
        ("a<!-- words -->b<?words?><!WORDS>c", "abc"),
        ("never closed <div hidden>words", "never closed "),
        ("![words](x.png) ![words\nmore](<x.png> 'words')", "![](x.png) ![](<x.png>)\n"),
        ('[text](https://x.example "words") [a [b]](c)', "[text](https://x.example) [a [b]](c)"),
        ("a[](https://x.example/words)[ ](#words 'words')b", "ab"),
        ("above\n" + "&nbsp;\n\n" * 50 + "words\nwords", "above\n" + "&nbsp;\n\n" * 50 + "\n"),
        ("above\n" + "\n" * 90 + "below", None),
        ("```\n" + "\n" * 200 + "code\n```\nbelow", None),
        ("a" + "<!-- words\n" + "\n" * 200 + "-->b", "ab"),
    ],
)
def test_what_no_page_shows_is_left_out(text: str, seen: str | None) -> None:
    found = as_shown(text)
    assert found.text == (text if seen is None else seen)
    assert found.hidden == len(text) - len(found.text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *("`", "~", "<a ", "<a b='", "<!", "</a ", "`x``y", "[a]: b '\n", "<p hidden>", "![", "[ "),
        *("![a](", "[](a ", "](<", "](a '", "&nbsp;", "&nbsp;\n", " " * 99 + "\n"),
    ],
)
def test_a_text_of_one_piece_is_read_in_the_time_of_its_length(piece: str) -> None:
    """What goes through it again at each piece takes minutes."""
    text = piece * (200_000 // len(piece))
    assert len(as_shown(text).text) <= len(text)
