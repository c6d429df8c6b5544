# $1: how many versions are left. After an upgrade the new one goes on; profiles, cache and an edited
# configuration are not removed.
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
  systemctl daemon-reload >/dev/null 2>&1 || :
  [ "$1" -lt 1 ] || systemctl try-restart pprofd.service >/dev/null 2>&1 || :
fi
