-- Read a value shared by every instance.
SELECT value FROM generated_setting WHERE name = $1::text
