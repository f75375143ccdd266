"""What Callsheet uses of other libraries that they do not document: one module per library, and nothing elsewhere."""
