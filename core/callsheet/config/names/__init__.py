"""Settings that have another name, or another place, in another release."""
