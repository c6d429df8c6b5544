# $1: how many versions will be left; an upgrade leaves the service running.
if [ "$1" -eq 0 ] && command -v systemctl >/dev/null 2>&1; then
  if [ -d /run/systemd/system ]; then
    systemctl --no-reload disable --now pprofd.service >/dev/null 2>&1 || :
  else
    systemctl --no-reload disable pprofd.service >/dev/null 2>&1 || :
  fi
fi
