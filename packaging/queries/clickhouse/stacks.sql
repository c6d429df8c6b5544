-- Folded stacks of everything, a line each, root first: what flamegraph.pl, inferno and speedscope draw.
-- Write them with: clickhouse-client --format TSVRaw …
SELECT concat(service, ';', arrayStringConcat(arrayReverse(stack), ';'), ' ', toString(sum(value))) AS line
FROM samples
WHERE type = 'cpu'
GROUP BY service, stack
ORDER BY line;
