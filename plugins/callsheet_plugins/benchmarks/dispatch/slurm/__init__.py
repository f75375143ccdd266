"""Jobs on Slurm: submitted by sbatch, watched, and explained when they fail."""
