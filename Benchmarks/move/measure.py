"""Runs a command and prints a row of a table: how long it took and how much memory it had at most."""
import os
import subprocess
import sys
import time

name, rows, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
began = time.monotonic()
process = subprocess.Popen(command, stdout=subprocess.PIPE)
output = process.stdout.read().decode()
_, status, usage = os.wait4(process.pid, 0)
took = time.monotonic() - began
if status != 0:
    sys.exit(f"{name} failed:\n{output}")
if "tables are equal" not in output:
    sys.exit(f"{name} compared nothing:\n{output}")
print(f"| {name} | {rows:,} | {took:.1f} | {rows / took:,.0f} | {usage.ru_maxrss / 1024:.0f} |", flush=True)
