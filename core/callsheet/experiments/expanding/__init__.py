"""What an experiment's file says, made into a list of arms; everything that is wrong with it is refused here."""
