"""The charts of the report, as figures of plotly."""
