"""The averages of weights on a GPU: kept there or in main memory, and updated while training goes on."""
