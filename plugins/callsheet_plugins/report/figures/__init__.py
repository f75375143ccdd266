"""The charts of the report, as figures of plotly.

The page gives each chart its legend, its zoom by buttons, and a table of its numbers, out of the figure alone:

- A line, or bars, are named by `name`. Those of one `legendgroup` are shown and hidden together, by one entry of the
  legend: that of the first trace whose `showlegend` is not False. With `visible="legendonly"` a trace is not drawn
  before somebody asks for it.
- The table has a column for x and for y, called by the titles of their axes. `error_y.array` adds "low" and "high".
  A band is decoration, with `hoverinfo="skip"`, and is left out: put its ends into `customdata` of the line that it
  belongs to, and their names into `meta={"columns": ["low", "high"]}`.
- Colours come from `theme.look(place)`, and no others: in the dark, the page replaces them. Texts of users go through
  `theme.plain`. The template and the colours of texts, axes and grids are the page's.
"""
