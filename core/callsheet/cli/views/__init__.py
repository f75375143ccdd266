"""What commands print: tables, manuals and summaries."""
