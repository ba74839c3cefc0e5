from beside import make_importable

make_importable(
    __file__,
    "imitation",
    "written_definitions",
    "nasty_events",
    "strange_releases",
    "live_rows",
    "planted_rules",
    "../integration/side_job_runs",
    "../features/oracle_view",
    "../features/template_streams",
)
