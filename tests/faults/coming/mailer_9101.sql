-- Contract, a version later. old processes: the last that wrote `hop` are gone.
DROP TRIGGER messages_have_both ON messages;
-- old processes: called by that trigger alone
DROP FUNCTION messages_have_both();
-- old processes: the last that read it are gone
ALTER TABLE messages DROP COLUMN hop;
