-- Which functions burn most CPU over all hosts, by version: seconds in the function itself, and with what it
-- calls. A service without a version is told by the build id of its program.
WITH cpu AS (
  SELECT service, if(version = '', build_id, version) AS release, host, value, stack
  FROM samples
  WHERE type = 'cpu'
)
SELECT service, release AS version, function,
       sumIf(value, function = stack[1]) / 1e9 AS self_seconds,
       sum(value) / 1e9 AS total_seconds,
       uniqExact(host) AS hosts
FROM cpu ARRAY JOIN arrayDistinct(stack) AS function
GROUP BY service, release, function
ORDER BY self_seconds DESC, total_seconds DESC, service, version, function
LIMIT 50;
