"""What reads PDFs and LaTeX, in a confined process of its own: hostile files must not hurt us.

`main.py` is the process; `spans.py` takes the text from a page, `layout.py` puts it into reading
order, `structure.py` makes sections of it, `tables.py` finds cells, `figures.py` draws pictures,
`pictures.py` guesses text from them. Our side of it is `ml_intern/tools/papers/apart.py`.
"""
