"""Read by Python at its start, where this folder is on its path: PyFlink finds no Apache Beam.

PyFlink loads Beam only to learn whether its parts for another way of running Python are compiled, which takes 3 s of CPU in each program
that submits a job and in each TaskManager. Python runs inside the TaskManager here (`python.execution-mode: thread`), and uses no Beam.
"""

import sys

sys.modules["apache_beam"] = None  # type: ignore[assignment]  # so Python spells a module that is not to be found
