"""Runs a process of the API that tries definitions itself, in place of starting another process for that."""

from api import server
from api.trials.inline_trials import InlineTrials

if __name__ == "__main__":
    server.trials_of = lambda settings, _: InlineTrials(settings.compile_memory_mib_max)
    server.main()
