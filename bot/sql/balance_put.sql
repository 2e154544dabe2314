-- How the operator's account at a provider stands now.
INSERT INTO provider_balance (provider, credits, stopped) VALUES ($1::text, $2::numeric, $3::text)
ON CONFLICT (provider) DO UPDATE SET credits = excluded.credits, stopped = excluded.stopped, told_at = now()
