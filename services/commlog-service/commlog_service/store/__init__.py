"""All SQL of commlog-service: one function, one statement."""
