CREATE TABLE effects (
    n    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id   text NOT NULL,
    name text NOT NULL CHECK (name <> 'refuse')
);
