-- Write a value shared by every instance.
INSERT INTO generated_setting (name, value) VALUES ($1::text, $2::text)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
