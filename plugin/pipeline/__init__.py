"""The walk of a picture, in reading order: refresh → plan → submit → poll → collect → review → publish (→ undo).

Each step is a `Lane`: it claims due rows (one conditional UPDATE, a lease), does the outside work without the
database, decides purely and stores. `Dispatcher` drives the lanes.
"""
