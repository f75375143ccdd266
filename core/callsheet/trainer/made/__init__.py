"""What a trainer makes of its data: the rows that it keeps, the batches and the steps, compared and said."""
