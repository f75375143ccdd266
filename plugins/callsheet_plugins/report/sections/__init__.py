"""What the page shows: one module a section, each with `section(report) -> Section | None`."""
