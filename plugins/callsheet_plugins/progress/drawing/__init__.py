"""The live display as lines of a given width: what each of them says, and which are shown where not all have room."""
