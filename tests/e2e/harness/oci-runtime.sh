#!/bin/bash
# runc without resource limits in what it is told: a root without CAP_SYS_RESOURCE may not raise them, and
# podman asks for it.
previous= config= command=
for word in "$@"; do
  case $previous in
    --bundle | -b) config=$word/config.json ;;
    --process | -p) config=$word ;;
  esac
  case $word in
    --bundle=*) config=${word#*=}/config.json ;;
    --process=*) config=${word#*=} ;;
    create | exec) command=${command:-$word} ;;
  esac
  previous=$word
done
[ "$command" = create ] && [ -z "$config" ] && config=config.json
if [ -n "$command" ] && [ -f "$config" ]; then
  /usr/bin/python3 - "$config" <<'PYTHON'
import json, sys
with open(sys.argv[1]) as file:
    settings = json.load(file)
(settings.get("process") or settings).pop("rlimits", None)
with open(sys.argv[1], "w") as file:
    json.dump(settings, file)
PYTHON
fi
exec runc "$@"
