"""Launches: how many processes, on which devices, under which engine, and which of them failed first."""
