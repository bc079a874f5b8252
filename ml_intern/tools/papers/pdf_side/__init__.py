"""What reads a PDF, in a confined process of its own: a hostile file must not hurt the daemon.

`main.py` is the process; `spans.py` takes the text from a page, `layout.py` puts it into reading
order, `structure.py` makes sections of it, `tables.py` finds cells, `figures.py` draws pictures.
"""
