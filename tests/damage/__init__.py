"""Damage to a run directory: any byte, type or file of it, and what the commands do with what is left.

`damages` breaks a copy of the run that `pristine` made, `probes` calls the commands on it, and `trial` judges them. What
goes wrong is said in one line, which does it again: `python -m damage PROBE 'DAMAGES'`, from the folder `tests`.
"""
