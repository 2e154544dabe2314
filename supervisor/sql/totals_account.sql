-- How the operator's account stands: what it holds is told while somebody has asked within a quarter of an hour.
SELECT CASE WHEN told_at > now() - interval '15 minutes' THEN credits END AS credits, stopped FROM provider_balance
 WHERE provider = 'kie'
