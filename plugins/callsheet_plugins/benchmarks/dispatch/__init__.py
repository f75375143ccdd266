"""Where benchmark jobs run: on this machine, on Slurm, or wherever a script is taken to."""
