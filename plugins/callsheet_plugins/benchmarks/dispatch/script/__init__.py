"""Jobs left to you: a script for each, to be run by bash or sbatch wherever it is taken to."""
