-- Expand: `hop` becomes `standing`. Old processes write the one, new ones the other, and both read what either wrote.
ALTER TABLE messages ADD COLUMN standing text;
CREATE FUNCTION messages_have_both() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.standing := coalesce(NEW.standing, NEW.hop);
    NEW.hop := coalesce(NEW.hop, NEW.standing);
    RETURN NEW;
END $$;
CREATE TRIGGER messages_have_both BEFORE INSERT OR UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION messages_have_both();
