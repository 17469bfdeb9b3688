-- claim: Nine intermediate tasks are studied.
-- source: Phang et al. 2020, arXiv 2005.13013 (AACL), abstract of version 2
-- note: A claim about what was done: documents decide it. Version 1 of the paper had seven, so a citation must carry the version.
SELECT text || ' (' || source || ' ' || source_version || ')' AS evidence, number = 9 AS agrees, source_version = 'v2' AS decides
FROM statement WHERE topic = 'intermediate tasks'
