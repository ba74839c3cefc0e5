"""The scripts that bring the tables from each version to the next. A script that was published never changes.

A script is named ``vNNNN_what_it_adds.py`` and says of itself ``revision = "NNNN"``. It names its tables and columns itself and takes
none from the rest of the program, which goes on changing.
"""
