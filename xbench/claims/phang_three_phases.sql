-- claim: Training has three phases: pretraining, an English intermediate task, the English target task; then zero-shot evaluation.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), as its code does
-- note: A claim about what was done: documents decide it. Two of the nine targets are evaluated without training on them.
SELECT text || ' (' || source || ' ' || source_version || ')' AS evidence, number = 3 AS agrees, true AS decides FROM statement WHERE topic = 'phases'
UNION ALL
SELECT text || ' (' || source || ' ' || source_version || ')', NULL, false FROM statement WHERE topic = 'trained targets'
