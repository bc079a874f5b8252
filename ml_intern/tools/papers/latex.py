"""LaTeX source as a paper: sections and captions numbered as LaTeX would, tables as cells.

Nothing is run: commands that a paper defines are only replaced where they stand for fixed words.
Comments, and words in white, are not read.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Document, Draft, squeezed
from ml_intern.tools.papers.tex_archive import TexArchive, unpack
from ml_intern.tools.papers.titles import plain_title, with_accents

MOST_CHARACTERS = 8_000_000
"""Of the whole text, once all files and words have been put in."""
_DEEPEST = 20
"""Files that are read within files."""
_MOST_INPUTS = 2_000
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*)?")
_COLOURED_GROUP = re.compile(
    r"\{\s*\\color(?:\[[^\]]{0,20}\])?\{([^{}]{1,40})\}((?:[^{}]|\{[^{}]{0,200}\}){0,2000})\}"
)
"""Of any colour, by `\\color`, which holds to the end of its group."""
_SIZED_GROUP = re.compile(
    r"\{\s*\\fontsize\{([^{}]{1,20})\}\{[^{}]{1,20}\}\s*\\selectfont((?:[^{}]|\{[^{}]{0,200}\}){0,2000})\}"
)
_NEARLY_WHITE = re.compile(
    r"white(?:!(?:100|9[5-9])(?:!\w+)?)?|#?f{6}|1(?:\.0*)?(?:,1(?:\.0*)?){0,2}|255,255,255"
)
_DEFINED = re.compile(
    r"\\definecolor\s*\{([^{}]{1,40})\}\s*\{(?:rgb|RGB|HTML|gray)\}\s*\{([^{}]{1,40})\}"
    r"|\\colorlet\s*\{([^{}]{1,40})\}\s*\{([^{}]{1,40})\}"
)
_LENGTH = re.compile(r"\s*(-?\d*\.?\d+)\s*(pt|bp|px|mm|cm|in|em|ex|sp)?")
_POINTS = {
    "pt": 1.0,
    "bp": 1.0,
    "px": 1.0,
    "mm": 2.8,
    "cm": 28.0,
    "in": 72.0,
    "em": 10.0,
    "ex": 4.0,
    "sp": 0.0,
}
_TINY, _FAR = 2.0, 600.0
"""Points: nobody reads smaller letters, and no page is that high."""
_LEFT_OUT = re.compile(
    r"\\begin\{comment\}.*?\\end\{comment\}|\\iffalse\b.*?\\fi\b|\\if0.*?\\fi\b"
    r"|\\begin\{filecontents(\*?)\}.*?\\end\{filecontents\1\}",
    re.DOTALL,
)
_INPUT = re.compile(
    r"\\(?:input|include|subfile|InputIfFileExists)\s*\{([^{}\n]{1,300})\}"
    r"|\\(?:sub)?(?:import|inputfrom)\s*\{([^{}\n]{0,300})\}\s*\{([^{}\n]{1,300})\}"
    r"|\\input\s+([\w./-]{1,300})"
)
_MACRO = re.compile(
    r"\\(?:re)?(?:newcommand|providecommand|DeclareRobustCommand)\*?\s*\{?\s*\\([A-Za-z]+)\s*\}?\s*(?=\{)"
    r"|\\def\s*\\([A-Za-z]+)\s*(?=\{)"
)
_BIBLIOGRAPHY = re.compile(r"\\(?:bibliography|printbibliography)\b(?:\[[^\]]*\])?(?:\{[^{}]*\})?")
_HEADINGS = {"part": 1, "chapter": 1, "section": 1, "subsection": 2, "subsubsection": 3}
_RUN_IN = {"paragraph": 4, "subparagraph": 5}
_FLOATS = re.compile(r"(?:wrap|sideways|long|SC|sub)?(figure|table)\*?")
_GRIDS = re.compile(r"(?:tabular[xy*]?|tabulary|longtable|tblr|array)\*?")
_MATHS = re.compile(
    r"(?:equation|align|gather|multline|eqnarray|displaymath|math|flalign|alignat|IEEEeqnarray)\*?"
)
_OPENED = {
    "abstract": "Abstract",
    "thebibliography": "References",
    "appendices": "",
    "appendix": "",
}
_VERBATIM = re.compile(r"(?:verbatim|lstlisting|minted|Verbatim|alltt)\*?")
_STEP = re.compile(
    r"\\begin\s*\{([^{}]{1,40})\}|\\(part|chapter|section|subsection|subsubsection|paragraph"
    r"|subparagraph)(\*?)\s*(?:\[[^\]]{0,500}\])?\s*(?=\{)|\\appendix\b|\n[ \t]*\n"
)
_NO_WORDS = re.compile(
    r"\\(?:label|vspace|hspace|vskip|hskip|bibliographystyle|pagestyle|thispagestyle|setlength|"
    r"addtolength|setcounter|addtocounter|phantom|hphantom|vphantom|includegraphics|input|include|"
    r"cmidrule|cline|rowcolor|columncolor|cellcolor|definecolor|captionsetup|hypersetup|graphicspath"
    r"|usepackage|documentclass|typeout|message|wlog|pdfinfo|write\d{0,2}|@gobble|newcommand|renewcommand|providecommand|newcolumntype|index|todo)\b\*?"
)
_SYMBOLS = {
    "\\%": "%", "\\&": "&", "\\_": "_", "\\#": "#", "\\$": "$", "\\{": "{", "\\}": "}",
    "``": '"', "''": '"', "---": "\u2014", "--": "\u2013", "~": " ", "\\ ": " ", "\\,": " ",
    "\\;": " ", "\\:": " ", "\\!": "", "\\/": "", "\\-": "", "\\@": "",
}  # fmt: skip
_SIGN = re.compile("|".join(re.escape(sign) for sign in _SYMBOLS))
_NAMED = {
    "textbackslash": "\\", "ldots": "…", "dots": "…", "textasciitilde": "~", "LaTeX": "LaTeX",
    "TeX": "TeX", "times": "\u00d7", "textgreater": ">", "textless": "<", "textbar": "|",
    "checkmark": "✓", "cmark": "✓", "xmark": "✗", "pm": "±", "S": "§", "ss": "ß", "ae": "æ",
    "oe": "œ", "aa": "å", "o": "ø", "l": "ł", "i": "i", "newline": " ", "quad": " ", "qquad": " ",
    "item": "\n- ", "par": "\n\n",
}  # fmt: skip
_KEPT = "\ue000{}\ue001"
"""Stands for a piece that is not to be touched any more."""
_HELD = re.compile("\ue000(\\d+)\ue001")


def read_latex(content: bytes, url: str) -> Document:
    """From an archive, or from one file. Raises InputError for what holds no paper.

    Runs in the confined process only: see `ml_intern/tools/papers/apart.py`.
    """
    return _read(unpack(content, url), url)


def _read(archive: TexArchive, url: str) -> Document:
    main = _main(archive)
    if main is None:
        raise InputError(f"The source at {url} has no file with \\begin{{document}} or a section.")
    notes: list[str] = []
    whole = _expanded(archive, main, notes)
    before, _, rest = whole.partition("\\begin{document}")
    body = rest.partition("\\end{document}")[0] if rest else before
    macros = _macros(whole)
    titles = _arguments_of("title", whole)
    title = _with_macros(titles[0], macros) if titles else ""
    draft = Draft(title=plain_title(title.replace("\\\\", " ")), notes=notes)
    _Reader(draft, archive, _with_macros(body, macros), _whites(whole)).read()
    draft.notes.append("Sections, tables and figures are numbered as LaTeX usually does it.")
    if archive.passed_over:
        draft.notes.append(f"{archive.passed_over} entries of the archive were passed over: links.")
    return draft.document(url, "latex")


# One text of many files


def _main(archive: TexArchive) -> str | None:
    """The file that the others are put into."""
    texts = {name: _uncommented(text) for name, text in archive.texts.items()}
    whole = [name for name, text in texts.items() if "\\begin{document}" in text]
    parts = [name for name, text in texts.items() if "\\section" in text]
    usual = ("main", "ms", "paper", "arxiv", "root", "template")

    def fits(name: str) -> tuple[bool, int, int]:
        stem = posixpath.splitext(posixpath.basename(name))[0].lower()
        return (
            "\\documentclass" in texts[name],
            -name.count("/") + (stem in usual),
            len(texts[name]),
        )

    return max(whole or parts, key=fits, default=None)


def _uncommented(text: str) -> str:
    plain = _COMMENT.sub(lambda found: found[1], text.replace("\r\n", "\n"))
    return _LEFT_OUT.sub("", plain)


def _expanded(archive: TexArchive, main: str, notes: list[str]) -> str:
    """The text of the main file with those it reads in their places."""
    missing: list[str] = []
    room = [MOST_CHARACTERS, _MOST_INPUTS]

    def text_of(name: str, open_files: tuple[str, ...]) -> str:
        text = _uncommented(archive.texts[name])
        room[0] -= len(text)
        room[1] -= 1
        if room[0] < 0 or room[1] < 0:
            return ""

        def put_in(found: re.Match[str]) -> str:
            asked = found[1] or found[4] or posixpath.join(found[2] or "", found[3] or "")
            inner = _file(archive, asked.strip().strip('"'), main)
            if inner is None:
                missing.append(asked)
            elif inner not in open_files and len(open_files) < _DEEPEST:
                return text_of(inner, (*open_files, inner))
            return ""

        return _INPUT.sub(put_in, text)

    whole = text_of(main, (main,))
    references = next((name for name in archive.texts if name.endswith(".bbl")), None)
    if references is not None and (found := _BIBLIOGRAPHY.search(whole)):
        inner = text_of(references, (main, references))
        whole = f"{whole[: found.start()]}\n{inner}\n{whole[found.end() :]}"
    if missing:
        notes.append(f"Files that are not in the source: {', '.join(sorted(set(missing))[:10])}.")
    if min(room) < 0:
        notes.append("The source is longer than is read; some of its files were left out.")
    return whole


def _file(archive: TexArchive, asked: str, main: str) -> str | None:
    folder = posixpath.dirname(main)
    for name in (asked, f"{asked}.tex", posixpath.join(folder, asked)):
        for path in (posixpath.normpath(name), posixpath.normpath(f"{name}.tex")):
            if path in archive.texts:
                return path
    return None


# Words that the paper defines


def _macros(text: str) -> dict[str, str]:
    """Commands without arguments that stand for words."""
    found: dict[str, str] = {}
    for definition in _MACRO.finditer(text):
        body, _ = _group(text, definition.end())
        if len(body) <= 200 and "#" not in body and "\\begin" not in body:
            found[definition[1] or definition[2]] = body.replace("\\xspace", "")
    return found


def _with_macros(text: str, macros: dict[str, str]) -> str:
    if not macros:
        return text
    longest_first = sorted(macros, key=len, reverse=True)
    use = re.compile(rf"\\({'|'.join(map(re.escape, longest_first))})(?![A-Za-z])(?:\{{\}})?")
    for _ in range(3):  # words of words of words
        longer = use.sub(lambda found: macros[found[1]], text)
        if longer == text or len(longer) > MOST_CHARACTERS:
            break
        text = longer
    return text


# From text to sections


@dataclass
class _Counters:
    sections: list[int] = field(default_factory=lambda: [0] * 6)
    floats: dict[str, int] = field(default_factory=lambda: {"figure": 0, "table": 0})
    is_appendix: bool = False

    def section(self, level: int) -> str:
        self.sections[level] += 1
        self.sections[level + 1 :] = [0] * (5 - level)
        numbers = [str(number) for number in self.sections[1 : level + 1]]
        if self.is_appendix:
            numbers[0] = chr(ord("A") + (self.sections[1] - 1) % 26)
        return ".".join(numbers)

    def begin_appendix(self) -> None:
        self.is_appendix, self.sections = True, [0] * 6


class _Reader:
    """Goes through the body once."""

    def __init__(
        self, draft: Draft, archive: TexArchive, body: str, whites: frozenset[str]
    ) -> None:
        """`whites`: names of colours that cannot be seen on paper."""
        self._draft = draft
        self._archive = archive
        self._body = body
        self._count = _Counters()
        self._whites = whites
        self._hidden = 0
        self._held: list[str] = []

    def read(self) -> None:
        self._take(self._body)
        self._flush()
        if self._hidden:
            self._draft.notes.append(
                f"{self._hidden:,} characters that people cannot see were left out."
            )

    def _take(self, text: str) -> None:
        place = 0
        while step := _STEP.search(text, place):
            self._held.append(text[place : step.start()])
            place = self._step(text, step)
        self._held.append(text[place:])

    def _step(self, text: str, step: re.Match[str]) -> int:
        """Do what the command says; where to go on."""
        if step[2]:
            return self._heading(text, step)
        if step[1] is None:
            self._flush()
            if step[0].startswith("\\"):
                self._count.begin_appendix()
            return step.end()
        name = step[1]
        if name in _OPENED:
            return self._open(name, text, step)
        is_whole = any(kind.fullmatch(name) for kind in (_FLOATS, _GRIDS, _MATHS, _VERBATIM))
        if not is_whole:
            return step.end()
        end = _end_of(text, step)
        self._environment(name, text[step.end() : end])
        return text.find("}", end) + 1 if end < len(text) else end

    def _open(self, name: str, text: str, step: re.Match[str]) -> int:
        """What begins a section of its own; its text is read as any other."""
        self._flush()
        if name in ("appendices", "appendix"):
            self._count.begin_appendix()
        else:
            self._draft.heading("", _OPENED[name], 1)
        # References say how wide their widest mark is.
        return _group(text, step.end())[1] if name == "thebibliography" else step.end()

    def _environment(self, name: str, inner: str) -> None:
        if float_kind := _FLOATS.fullmatch(name):
            self._float(float_kind[1], inner)
        elif _GRIDS.fullmatch(name):
            self._flush()
            self._draft.table("", "", self._cells(inner))
        elif _MATHS.fullmatch(name):
            self._held.append(f" {self._formula(inner)} ")
        else:
            self._flush()
            self._draft.paragraph(f"```\n{inner.strip()}\n```")

    def _heading(self, text: str, step: re.Match[str]) -> int:
        self._flush()
        title, end = _group(text, step.end())
        words = squeezed(self._plain(title))
        if step[2] in _RUN_IN:
            self._draft.heading("", words.rstrip("."), _RUN_IN[step[2]])
        else:
            level = _HEADINGS[step[2]]
            self._draft.heading("" if step[3] else self._count.section(level), words, level)
        return end

    def _float(self, kind: str, inner: str) -> None:
        self._flush()
        captions = _arguments_of("caption", inner)
        caption = squeezed(self._plain(captions[-1])) if captions else ""
        label = ""
        if captions:
            self._count.floats[kind] += 1
            label = f"{kind.capitalize()} {self._count.floats[kind]}"
        grids = list(_grids(inner))
        for grid in grids:
            self._draft.table(label if kind == "table" else "", caption, self._cells(grid))
        pictures = [self._picture(name) for name in _arguments_of("includegraphics", inner)]
        if kind == "figure" and (pictures or not grids):
            for count, picture in enumerate(pictures or [""], 1):
                part = f" (part {count})" if count > 1 else ""
                self._draft.figure(label + part, caption if count == 1 else "", picture)
        elif not grids:
            self._draft.table(label, caption, [])

    def _picture(self, name: str) -> str:
        """Its path in the archive; empty where it is not there."""
        asked = posixpath.normpath(name.strip())
        for path in self._archive.pictures:
            if path == asked or posixpath.splitext(path)[0] == asked or path.endswith(f"/{asked}"):
                return path
        stem = posixpath.splitext(posixpath.basename(asked))[0]
        same = [path for path in self._archive.pictures if f"/{stem}." in f"/{path}"]
        return same[0] if same else ""

    def _cells(self, grid: str) -> list[list[str]]:
        """What stands in a tabular, without its rules."""
        kept: list[str] = []
        text = grid
        for argument in (r"\s*(?:\[[^\]]*\])?", r"\s*"):  # `[t]`, a width, the columns
            skipped = re.match(argument, text)
            start = skipped.end() if skipped else 0
            if text[start : start + 1] == "{":
                text = text[_group(text, start)[1] :]
        text = re.sub(r"\\(?:top|mid|bottom|h)(?:rule|line)\b|\\(?:hline|toprule)\b", " ", text)
        text = re.sub(
            r"\\(?:cmidrule|cline)\s*(?:\([^)]*\))?\s*(?:\[[^\]]*\])?\{[^{}]*\}", " ", text
        )
        text = self._hold(r"\\&", text, kept)
        rows = re.split(r"\\\\(?:\s*\[[^\]]*\])?|\\tabularnewline\b", text)
        return [cells for row in rows if any(cells := [*self._row(_unheld(row, kept))])]

    def _row(self, row: str) -> Iterator[str]:
        for cell in re.split(r"(?<!\\)&", row):
            found = re.match(r"\s*\\multicolumn\s*\{(\d{1,3})\}", cell)
            spans = min(int(found[1]), 60) if found else 1
            words = squeezed(self._plain(cell[found.end() :] if found else cell, in_cell=True))
            for _ in range(max(1, spans)):
                yield words

    # Plain words

    def _flush(self) -> None:
        text = self._plain("".join(self._held))
        self._held = []
        for paragraph in re.split(r"\n\s*\n", text):
            lines = [squeezed(line) for line in paragraph.split("\n- ")]
            joined = "\n- ".join(line for line in lines if line or len(lines) > 1).strip()
            if joined and re.search(r"\w", joined):
                self._draft.paragraph(joined)

    def _plain(self, text: str, *, in_cell: bool = False) -> str:
        """Without commands; mathematics as they are."""
        kept: list[str] = []
        text = re.sub(
            r"(?<!\\)\$\$(.+?)(?<!\\)\$\$", lambda m: _keep(kept, self._formula(m[1])), text,
            flags=re.DOTALL,
        )  # fmt: skip
        text = re.sub(
            r"(?<!\\)\$([^$]{1,2000}?)(?<!\\)\$", lambda m: _keep(kept, f"${squeezed(m[1])}$"), text
        )
        text = re.sub(
            r"\\\((.{1,2000}?)\\\)", lambda m: _keep(kept, f"${squeezed(m[1])}$"), text,
            flags=re.DOTALL,
        )  # fmt: skip
        text = re.sub(
            r"(?<!\\)\\\[(.{1,5000}?)\\\]", lambda m: _keep(kept, self._formula(m[1])), text,
            flags=re.DOTALL,
        )  # fmt: skip
        text = _COLOURED_GROUP.sub(lambda m: self._coloured([m[1], m[2]]), text)
        text = _SIZED_GROUP.sub(lambda m: self._unless(_points(m[1], _TINY) < _TINY, m[2]), text)
        text = self._arguments(text, kept)
        if in_cell:
            text = re.sub(r"^\s*(?:\[[^\]]*\])?\{[lcrpmbX|@!>< .\d\\a-z]{0,40}\}(?=\{)", "", text)
        text = with_accents(text)
        text = _SIGN.sub(lambda m: _keep(kept, _SYMBOLS[m[0]]), text)
        text = re.sub(r"\\\\\*?(?:\s*\[[^\]]{0,40}\])?", " ", text)
        text = re.sub(r"\\(?:begin|end)\s*\{[^{}]{0,60}\}(?:\[[^\]]{0,200}\])?", "\n", text)
        text = re.sub(r"\\([A-Za-z]+)\*?[ \t]*(?:\[[^\]]{0,200}\])?", _named, text)
        text = re.sub(r"[{}]", "", text).replace("\\", "")
        return _all_unheld(text, kept)

    def _arguments(self, text: str, kept: list[str]) -> str:
        """Commands whose arguments are no plain words, or not all of them."""
        rules: tuple[tuple[str, int, Callable[[list[str]], str]], ...] = (
            (r"\\(?:textcolor|colorbox)", 2, self._coloured),
            (r"\\href", 2, lambda a: f"{a[1]} ({_keep(kept, a[0])})"),
            (r"\\(?:url|nolinkurl|path)", 1, lambda a: _keep(kept, a[0])),
            (r"\\(?:verb|lstinline|texttt|code)\*?", 1, lambda a: a[0]),
            (r"\\footnote(?:text)?", 1, lambda a: f" (footnote: {a[0].strip()})"),
            (r"\\[Cc]ite(?:p|t|alp|author|year|yearpar|alt)?\*?", 1, lambda a: f"[{a[0]}]"),
            (r"\\(?:auto|c|C|eq|page|name|v)?ref\*?", 1, lambda a: f"[{a[0]}]"),
            (r"\\bibitem", 1, lambda a: f"\n\n[{a[0]}] "),
            (r"\\(?:multirow)", 3, lambda a: a[2]),
            (r"\\pdftooltip", 2, lambda a: a[0]),
            (r"\\(?:sbox|setbox)\s*\\?\w{1,20}\s*=?\s*(?:\\[hv]box)?", 1, self._unseen),
            (r"\\(?:savebox|sbox)", 2, self._unseen),
            (r"\\(?:text)?transparent", 2, lambda a: self._unless(_points(a[0], 1) < 0.05, a[1])),
            (r"\\scalebox", 2, lambda a: self._unless(abs(_points(a[0], 1)) < 0.2, a[1])),
            (r"\\raisebox", 2, lambda a: self._unless(abs(_points(a[0], 0)) > _FAR, a[1])),
            (r"\\(?:resizebox)", 3, self._resized),
            (r"\\(?:rotatebox|makebox|parbox|fontsize)", 2, lambda a: a[1]),
        )
        for name, count, make in rules:
            text = _replaced(text, re.compile(name + r"(?![A-Za-z])"), count, make)
        return _replaced(text, _NO_WORDS, 1, lambda _: "")

    def _coloured(self, arguments: list[str]) -> str:
        colour = arguments[0].strip().lower()
        return self._unless(colour in self._whites or _is_white(colour), arguments[1])

    def _resized(self, arguments: list[str]) -> str:
        width, height, text = arguments
        return self._unless(min(_points(width, _TINY), _points(height, _TINY)) < _TINY, text)

    def _unseen(self, arguments: list[str]) -> str:
        return self._unless(True, arguments[-1])

    def _unless(self, is_hidden: bool, text: str) -> str:
        """The text, unless people cannot see it."""
        self._hidden += len(squeezed(text)) if is_hidden else 0
        return "" if is_hidden else text

    def _formula(self, text: str) -> str:
        plain = re.sub(r"\\label\{[^{}]*\}|\\(?:nonumber|notag)\b", "", text)
        return f"$${squeezed(plain)}$$"

    def _hold(self, pattern: str, text: str, kept: list[str]) -> str:
        return re.sub(pattern, lambda m: _keep(kept, m[0]), text)


def _whites(text: str) -> frozenset[str]:
    """Names that a paper gives to white, in lower case."""
    found = (pair for pair in _DEFINED.findall(text) if _is_white(pair[1] or pair[3]))
    return frozenset((pair[0] or pair[2]).strip().lower() for pair in found)


def _is_white(colour: str) -> bool:
    return _NEARLY_WHITE.fullmatch("".join(colour.lower().split())) is not None


def _points(length: str, unknown: float) -> float:
    """A length as LaTeX has it, or a factor; `unknown` for one that is of something else."""
    found = _LENGTH.fullmatch(length.strip())
    return float(found[1]) * _POINTS[found[2] or "pt"] if found else unknown


def _keep(kept: list[str], text: str) -> str:
    kept.append(text)
    return _KEPT.format(len(kept) - 1)


def _unheld(text: str, kept: list[str]) -> str:
    return _HELD.sub(lambda m: kept[int(m[1])] if int(m[1]) < len(kept) else "", text)


def _all_unheld(text: str, kept: list[str]) -> str:
    """What was held may hold again."""
    for _ in range(4):
        if "\ue000" not in text:
            break
        text = _unheld(text, kept)
    return text.replace("\ue000", "").replace("\ue001", "")


def _named(command: re.Match[str]) -> str:
    """What a command without braces stands for: few stand for words."""
    return _NAMED.get(command[1], " " if command[0][-1:] in " \t" else "")


def _group(text: str, start: int) -> tuple[str, int]:
    """What stands in the braces that begin at `start`, and where they end."""
    if text[start : start + 1] != "{":
        return "", start
    depth, place = 0, start
    brace = re.compile(r"\\.|[{}]", re.DOTALL)
    while found := brace.search(text, place):
        place = found.end()
        if found[0] in "{}":
            depth += 1 if found[0] == "{" else -1
            if depth == 0:
                return text[start + 1 : found.start()], place
    return text[start + 1 :], len(text)


def _arguments_of(command: str, text: str) -> list[str]:
    """The first braces after each `\\command`."""
    use = re.compile(rf"\\{command}\*?\s*(?:\[[^\]]{{0,500}}\])*\s*(?=\{{)")
    return [_group(text, found.end())[0] for found in use.finditer(text)]


def _replaced(
    text: str, name: re.Pattern[str], count: int, make: Callable[[list[str]], str]
) -> str:
    """With every use of a command of `count` arguments replaced by what is made of them."""
    pieces: list[str] = []
    place = 0
    while found := name.search(text, place):
        end = found.end()
        arguments: list[str] = []
        while len(arguments) < count:
            skipped = re.compile(r"\s*(?:\[[^\]]{0,500}\]\s*)*").match(text, end)
            begin = skipped.end() if skipped else end
            if text[begin : begin + 1] != "{":
                break
            inner, end = _group(text, begin)
            arguments.append(inner)
        pieces.append(text[place : found.start()])
        pieces.append(make(arguments) if len(arguments) == count else "")
        place = end
    return "".join([*pieces, text[place:]])


def _end_of(text: str, begin: re.Match[str]) -> int:
    """Where the `\\end` of an environment begins, others of the same name within it passed over."""
    depth, place = 1, begin.end()
    both = re.compile(rf"\\(begin|end)\s*\{{{re.escape(begin[1])}\}}")
    while found := both.search(text, place):
        depth += 1 if found[1] == "begin" else -1
        if depth == 0:
            return found.start()
        place = found.end()
    return len(text)


def _grids(text: str) -> Iterator[str]:
    """The insides of the outermost tabulars."""
    place = 0
    begin = re.compile(r"\\begin\s*\{((?:tabular[xy*]?|tabulary|longtable|tblr)\*?)\}")
    while found := begin.search(text, place):
        place = _end_of(text, found)
        yield text[found.end() : place]
