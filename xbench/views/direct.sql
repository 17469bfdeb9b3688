-- One row a score of a direct baseline: trained on the target alone, with no intermediate task.
SELECT * FROM result WHERE intermediate = 'none'
