"""Who won, and how sure that is: methods over seeds, checkpoints over prompts. scipy is imported by what computes."""
