"""What cases.yaml says, how alerts open cases, and what people do with them."""
