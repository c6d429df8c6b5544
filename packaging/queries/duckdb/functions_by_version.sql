-- Which functions burn most CPU over all hosts, by version: seconds in the function itself, and with what it
-- calls. A service without a version is told by the build id of its program.
WITH cpu AS (
  SELECT service, coalesce(nullif(version, ''), build_id) AS version, host, value, stack
  FROM samples
  WHERE type = 'cpu'
), frames AS (
  SELECT * EXCLUDE (stack), stack[1] AS leaf, unnest(list_distinct(stack)) AS function FROM cpu
)
SELECT service, version, function,
       coalesce(sum(value) FILTER (function = leaf), 0) / 1e9 AS self_seconds,
       sum(value) / 1e9 AS total_seconds,
       count(DISTINCT host) AS hosts
FROM frames
GROUP BY service, version, function
ORDER BY self_seconds DESC, total_seconds DESC, service, version, function
LIMIT 50;
