"""Small wrong changes planted one at a time into the arithmetic that matters, and the tests run on each.

`python -m benchmarks.mutants` (or `make mutants`) says which changes no test noticed.
"""
