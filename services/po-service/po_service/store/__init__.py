"""All SQL of po-service: one function one statement, each takes a connection. Many rows travel as one jsonb or as arrays."""
