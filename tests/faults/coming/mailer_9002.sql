-- Contract, a version later. old processes: the last that wrote `hop` are gone.
DROP TRIGGER messages_have_both ON messages;
DROP FUNCTION messages_have_both();
ALTER TABLE messages DROP COLUMN hop;
