"""Reports: documents made of the query layer's figures, so they equal those of the pages.

`build.make_report` gives a `Report` (document.py), a value without any layout; `render.render` writes
it as HTML, Markdown, CSV or JSON. `shelf.Shelf` keeps files, `schedule.Schedule` makes them in time.
"""
