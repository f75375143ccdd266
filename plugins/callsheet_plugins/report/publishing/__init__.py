"""The page of a run at its end, and beside its revision on the Hub."""
