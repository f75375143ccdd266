"""What an ended job left, read in a process of its own, so that nothing can fill or hold up the courier."""
