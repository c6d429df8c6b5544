-- How many CPUs each service takes, hour by hour, and on how many hosts.
SELECT date, hour, service, sum(value) / 3600e9 AS cpus, count(DISTINCT host) AS hosts
FROM samples
WHERE type = 'cpu'
GROUP BY date, hour, service
ORDER BY date, hour, cpus DESC, service;
