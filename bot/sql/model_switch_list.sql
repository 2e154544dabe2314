-- The models that are switched off.
SELECT model_id FROM model_switch ORDER BY model_id
