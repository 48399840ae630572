"""Bad input from a seed: records for every topic, UBL documents and HTTP requests that nobody should write, and what became of each."""
