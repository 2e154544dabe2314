-- Take a model off the menu.
INSERT INTO model_switch (model_id) VALUES ($1::text) ON CONFLICT (model_id) DO NOTHING
