-- claim: The study starts from XLM-R Large.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), as its code does
-- note: A claim about what was done, not about an effect: documents decide it.
SELECT text || ' (' || source || ' ' || source_version || ')' AS evidence, text = 'xlm-roberta-large' AS agrees
FROM statement WHERE topic = 'start model'
