-- What changed with the newest version of each service: each function's share of the service's CPU, itself,
-- in that version and in the one before. The newest is the one seen first last.
WITH cpu AS (
  SELECT service, if(version = '', build_id, version) AS release, time, value, stack[1] AS function
  FROM samples
  WHERE type = 'cpu'
), versions AS (
  SELECT service, release, sum(value) AS total,
         row_number() OVER (PARTITION BY service ORDER BY min(time) DESC, release DESC) AS age
  FROM cpu
  GROUP BY service, release
), shares AS (
  SELECT service, function, sumIf(value / total, age = 1) AS after, sumIf(value / total, age = 2) AS before
  FROM cpu JOIN versions USING (service, release)
  WHERE age <= 2 AND service IN (SELECT service FROM versions WHERE age = 2)
  GROUP BY service, function
)
SELECT service, function, round(100 * before, 2) AS percent_before, round(100 * after, 2) AS percent_after,
       round(100 * (after - before), 2) AS change
FROM shares
ORDER BY abs(after - before) DESC, service, function
LIMIT 50;
