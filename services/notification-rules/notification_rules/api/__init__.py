"""HTTP: what operators ask of the rules, and what people say about their own mail."""
