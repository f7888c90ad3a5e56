"""Two processes for one check: tests in the one, the program that they test in the other.

The folder is shipped into both jobs as text and needs nothing but the standard library. `wire` is
how values and messages are written, `exceptions` how exceptions cross, `candidate` runs beside the
program and serves calls, `remote` stands for the program in the tests' process, and `harness` runs
the tests there and writes down what came of them.

The program can do whatever its process can do: patch these very modules, write to the channel,
answer twice. So nothing that it says is believed. It is data, strictly read, and compared in a
process that the program never was in.
"""
