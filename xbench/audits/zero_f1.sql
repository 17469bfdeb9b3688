-- error: F1 is zero in every language
-- do: check that predicted labels have the form of the gold ones, and that the test files carry labels at all
SELECT model, intermediate, target, seed, split, run_id, if(count(*) = 1, 'f1 is 0 in the one language', printf('f1 is 0 in all %d languages', count(*))) AS finding
FROM score
WHERE metric = 'f1'
GROUP BY ALL
HAVING max(value) = 0
