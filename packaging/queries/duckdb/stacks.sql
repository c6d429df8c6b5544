-- Folded stacks of everything, a line each, root first: what flamegraph.pl, inferno and speedscope draw.
-- Write them with: duckdb -noheader -list …
SELECT service || ';' || array_to_string(list_reverse(stack), ';') || ' ' || CAST(sum(value) AS VARCHAR) AS line
FROM samples
WHERE type = 'cpu'
GROUP BY service, stack
ORDER BY line;
