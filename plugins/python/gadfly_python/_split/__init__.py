"""Two processes for one check, and what guards the check where there is but one for both.

The folder is shipped into the jobs, packed, and needs nothing but the standard library.

wire, exceptions     how values, messages and exceptions are written
harness, runners     how tests are run, in every style, and what is written down
candidate            runs beside the program and serves calls
apart, remote        the tests' process, and what stands for the program there
witness, canaries    where tests run with the program: who sends them, and believes little
together             runs them there
guard, rewriting     watches there what tests do with the program's objects

The program can do whatever its process can do: patch these very modules, write to the channel,
answer twice. So where the tests are apart, nothing that it says is believed: it is data, strictly
read, and compared in a process that the program never was in.
"""
