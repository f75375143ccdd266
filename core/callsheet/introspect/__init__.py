"""Reading source without importing it: modules, classes, arguments, and how an object is imported at last."""
