"""What runs inside a worker: the standard library only, Python 3.9 or newer."""
