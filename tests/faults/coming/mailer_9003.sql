-- What was there before: in a transaction of its own, for it takes as long as the table is large, and locks nothing but its rows.
UPDATE messages SET standing = hop WHERE standing IS NULL;
