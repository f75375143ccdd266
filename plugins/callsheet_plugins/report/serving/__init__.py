"""`--serve`: the page, live, while runs go on; on this machine alone."""
