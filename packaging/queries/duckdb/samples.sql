-- The rows of all hosts as the view `samples`. Put the address of your bucket, or of a folder with the same
-- layout, in place of s3://profiles. Conditions on date and hour leave the other objects unread.
--
-- A profile may have been sent twice (after a crash of a host): it counts once, from one of its objects.
CREATE OR REPLACE VIEW samples AS
SELECT * EXCLUDE (object)
FROM read_json('s3://profiles/date=*/hour=*/host=*/*.jsonl*',
               format = 'newline_delimited', filename = 'object', hive_partitioning = true,
               hive_types = {date: DATE, hour: UTINYINT, host: VARCHAR},
               columns = {time: 'TIMESTAMP_NS', duration: 'UBIGINT', type: 'VARCHAR', unit: 'VARCHAR',
                          host: 'VARCHAR', service: 'VARCHAR', version: 'VARCHAR', build_id: 'VARCHAR',
                          pid: 'UBIGINT', comm: 'VARCHAR', labels: 'MAP(VARCHAR, VARCHAR)', value: 'BIGINT',
                          stack: 'VARCHAR[]'})
QUALIFY rank() OVER (PARTITION BY date, hour, host, pid, time, type ORDER BY object) = 1;
