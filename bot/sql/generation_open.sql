-- Generations whose result may still be needed.
SELECT id FROM generation
 WHERE state IN ('held', 'submitting', 'submitted', 'unknown', 'succeeded', 'delivered', 'failed')
 UNION ALL
SELECT generation_id FROM generation_late WHERE state = 'sent'
