"""The names of a release's parts; each is one YAML file of the same name. They are read where no release is compiled, too."""

PARTS = ("schema", "features", "models", "policy")
"""The definitions that each release is made of."""

BYPASS = "bypass"
"""The optional part that switches past the score. Those that declare a list, ``list:<name>`` each, those that are a rule, ``pattern:<id>``
each, the manifest of the rules, ``patterns``, and ``champions`` are the other ones."""

ALERTS = "alerts"
"""The optional part that says which decisions become alerts: alerts.yaml."""

CASES = "cases"
"""The optional part that says which alerts open cases, and how these are worked on: cases.yaml."""
