-- When an event came to Kafka: a withdrawal that is replayed late leaves alone what a later event has told. Null before this, and then nothing is left alone.
-- Not in the document: a process of the version before reads no field that it doesn't know.
ALTER TABLE events ADD COLUMN written_at timestamptz;
