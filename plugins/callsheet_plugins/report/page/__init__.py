"""The page: one HTML file that holds its charts, tables, style and scripts, and asks nobody for anything."""
