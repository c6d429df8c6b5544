-- The rows of all hosts as the view `samples`. Put the address of your bucket and its keys in place of these;
-- file('…/date=*/hour=*/host=*/*.jsonl*', …) reads a folder with the same layout. Conditions on date and hour leave
-- the other objects unread.
--
-- A profile may have been sent twice (after a crash of a host): it counts once, from one of its objects.
CREATE OR REPLACE VIEW samples AS
SELECT * EXCEPT (object, first_object)
FROM (
  SELECT * EXCEPT (host), date, hour, decodeURLComponent(host) AS host, _path AS object,
         min(_path) OVER (PARTITION BY date, hour, host, pid, time, type) AS first_object
  FROM s3('https://s3.example/profiles/date=*/hour=*/host=*/*.jsonl*', 'ACCESS_KEY', 'SECRET_KEY', 'JSONEachRow',
          'time DateTime64(9, \'UTC\'), duration UInt64, type String, unit String, host String, service String,
           version String, build_id String, pid UInt64, comm String, labels Map(String, String), value Int64,
           stack Array(String)')
)
WHERE object = first_object;
