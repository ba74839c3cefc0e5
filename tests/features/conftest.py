from beside import make_importable

make_importable(
    __file__,
    "bad_events",
    "strange_documents",
    "zone_records",
    "reading_oracle",
    "oracle_view",
    "oracle_templates",
    "oracle",
    "template_streams",
)
