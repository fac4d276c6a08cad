"""Benchmarks: `python -m tests.bench [NAME ...]` measures the real parts and prints one table.

Absolute figures drift with the machine; where something is compared, the ratio is what holds.
"""
