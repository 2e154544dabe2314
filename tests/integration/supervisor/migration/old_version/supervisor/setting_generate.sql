-- Keep a value generated once; whoever was first decides for every instance. The update that changes nothing is what
-- makes the loser of a race read the winner's value instead of no row.
INSERT INTO generated_setting (name, value) VALUES ($1::text, $2::text)
ON CONFLICT (name) DO UPDATE SET value = generated_setting.value
RETURNING value
