"""Exact match in the training loop: greedy answers that equal the completion."""

from callsheet_plugins.exact_match.plugin import ExactMatch

__all__ = ["ExactMatch"]
