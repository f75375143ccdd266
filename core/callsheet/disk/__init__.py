"""Files that somebody else may have made, damaged or closed: opened, read and refused in one place each."""
